// Asking what became of a bill, until it says so. What a wallet says is a hint: only the bill counts.

import type { Client } from "./client.js";
import { InvalidInputError, TransportError } from "./errors.js";
import type { BillRecord, Status } from "./types.js";

/** Asks what became of the bill: your own server, for example. Another word than these four is an error, so translate your own. */
export type Ask = () => Promise<Status>;

export interface AskOptions {
  /** Asks the gateway by the bill's number. */
  client?: Pick<Client, "records" | "charge">;
  /** Asks somebody else in place of the gateway. */
  ask?: Ask;
  /** How long it is waited for; 5 minutes if absent. */
  waitMs?: number;
  signal?: AbortSignal;
  /** Calls `back` when the payer comes back, so that it is asked at once, and gives what ends that; a page's visibility if absent. */
  onReturn?: (back: () => void) => () => void;
}

const STATUSES: readonly unknown[] = ["created", "success", "refund", "closed"] satisfies Status[];
const WAIT_MS = 300_000;
const WAIT_MS_MAX = 86_400_000;
const FIRST_PAUSE_MS = 1000;
const PAUSE_MS_MAX = 5000;
/** So often the network may be gone, as when the payer comes back from a wallet. */
const FAILURES_MAX = 8;

/** Asks until the bill is not `created` any longer, and gives its status: `created` where it is still open when the time is over. */
export async function untilSettled(billNum: string, options: AskOptions): Promise<Status> {
  const ask = askerOf(billNum, options);
  const waitMs = waitOf(options);
  const until = Date.now() + waitMs;
  // Nobody who is asked can take longer.
  const { over, leave } = timeLimit(waitMs, options.signal);
  let failures = 0;
  try {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.3, PAUSE_MS_MAX)) {
      const status = await Promise.race([wordOf(ask), over]).catch((error: unknown): Status => {
        failures += 1;
        if (options.signal?.aborted || !mayPass(error) || failures > FAILURES_MAX) throw error;
        return "created";
      });
      const left = until - Date.now();
      if (status !== "created" || left <= 0) return status;
      await pauseOrReturn(Math.min(pause, left), options);
    }
  } finally {
    leave();
  }
}

/** `over` is `created` when the time is over, and rejects as soon as the signal says so. `leave` lets go of the timer. */
function timeLimit(ms: number, signal?: AbortSignal): { over: Promise<Status>; leave: () => void } {
  let leave = () => {};
  const over = new Promise<Status>((resolve, reject) => {
    const stop = () => reject(signal?.reason);
    const timer = setTimeout(() => resolve("created"), ms);
    leave = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    };
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
  return { over, leave };
}

export function askerOf(billNum: string, { client, ask, signal }: AskOptions): Ask {
  if (ask) return ask;
  if (!client) throw new InvalidInputError("client", "or ask is needed: somebody must be asked what became of the bill");
  return async () => statusOf(await client.records({ billNum, limit: 100 }, { signal }));
}

export function waitOf({ waitMs = WAIT_MS }: AskOptions): number {
  if (waitMs >= 0 && waitMs <= WAIT_MS_MAX) return waitMs;
  throw new InvalidInputError("waitMs", `must be a number of milliseconds from 0 to ${WAIT_MS_MAX}`);
}

async function wordOf(ask: Ask): Promise<Status> {
  const word: unknown = await ask();
  if (STATUSES.includes(word)) return word as Status;
  const given = typeof word === "string" ? `\`${word.slice(0, 40)}\`` : typeof word;
  throw new InvalidInputError("ask", `must give created, success, refund or closed; ${given} was given`);
}

/** fetch tells of a lost network by a TypeError, and a server in trouble answers with a page, which is no JSON. */
function mayPass(error: unknown): boolean {
  return error instanceof TransportError || error instanceof TypeError || error instanceof SyntaxError;
}

/** A bill has a record for each channel and try. Paid by one of them is paid; closed is what none of them can pay any longer. */
function statusOf(records: BillRecord[]): Status {
  const has = (status: Status) => records.some((record) => record.status === status);
  if (has("success")) return "success";
  if (has("refund")) return "refund";
  return has("created") || records.length === 0 ? "created" : "closed";
}

/** Ends early when the payer comes back. */
function pauseOrReturn(ms: number, { signal, onReturn = onPageReturn }: AskOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      leave();
      signal?.removeEventListener("abort", end);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(end, ms);
    const leave = onReturn(end);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
}

function onPageReturn(back: () => void): () => void {
  const looked = () => {
    if (document.visibilityState === "visible") back();
  };
  document.addEventListener("visibilitychange", looked);
  return () => document.removeEventListener("visibilitychange", looked);
}
