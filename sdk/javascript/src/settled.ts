// Asking what became of a bill, until it says so. What a wallet says is a hint: only the bill counts.

import type { Client } from "./client.js";
import { InvalidInputError, TransportError } from "./errors.js";
import { sleep } from "./transport.js";
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
  const over = sleep(waitMs, options.signal).then((): Status => "created");
  let failures = 0;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.3, PAUSE_MS_MAX)) {
    const status = await Promise.race([wordOf(ask), over]).catch((error: unknown): Status => {
      failures += 1;
      if (options.signal?.aborted || !mayPass(error) || failures > FAILURES_MAX) throw error;
      return "created";
    });
    const left = until - Date.now();
    if (status !== "created" || left <= 0) return status;
    await pauseOrReturn(Math.min(pause, left), options.signal);
  }
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

/** Ends early when the payer comes back to the page. */
function pauseOrReturn(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", back);
      signal?.removeEventListener("abort", end);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    };
    const back = () => {
      if (document.visibilityState === "visible") end();
    };
    const timer = setTimeout(end, ms);
    document.addEventListener("visibilitychange", back);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
}
