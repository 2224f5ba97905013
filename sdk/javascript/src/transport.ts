// One call over HTTP: time and size are bounded, and it is repeated where that is safe. Every call of the API is, because the same
// billNum or refundNum moves money once.

import { InvalidInputError, MaxPayError, TransportError, apiError, type Failure } from "./errors.js";

const ANSWER_BYTES_MAX = 8 * 1024 * 1024;
const FIRST_WAIT_MS = 200;

export interface Options {
  /** Where your gateway is, such as `https://pay.example.com`. */
  url: string;
  appId: string;
  /** The app's secret, which may do everything: for servers only. */
  masterKey?: string;
  /** The app's public key, which may charge, and ask by `billNum`. */
  clientKey?: string;
  /** Made by `session`: the rights of the client key, for a time. */
  sessionToken?: string;
  /** How long one try may take from connecting to the last byte; 10 s if absent. */
  timeoutMs?: number;
  /** How often a call is repeated after an outage, a lost connection or HTTP 429; 2 if absent. */
  retries?: number;
  /** Another `fetch` than the platform's. */
  fetch?: typeof globalThis.fetch;
}

/** For one call. */
export interface CallOptions {
  signal?: AbortSignal | undefined;
}

const CREDENTIALS = { masterKey: "X-ML-MasterKey", clientKey: "X-ML-APIKey", sessionToken: "X-ML-Session-Token" } as const;

export class Transport {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #timeoutMs: number;
  readonly #retries: number;
  readonly #fetch: typeof globalThis.fetch;

  constructor(options: Options, headers: Record<string, string>) {
    this.#url = baseOf(options.url);
    this.#headers = { ...headers, ...headersOf(options) };
    this.#timeoutMs = wholeNumber("timeoutMs", options.timeoutMs ?? 10_000, 1, 600_000);
    this.#retries = wholeNumber("retries", options.retries ?? 2, 0, 10);
    // A browser's fetch insists on being called as the window's own.
    this.#fetch = options.fetch ?? ((...call) => globalThis.fetch(...call));
  }

  /** The answer, whose code is 0. */
  async call<Answer>(operation: string, body: object, { signal }: CallOptions = {}): Promise<Answer> {
    // Each try sends the same text, even if the caller changes the object meanwhile.
    const text = jsonOf(body);
    for (let tried = 0; ; tried += 1) {
      try {
        return (await this.#try(operation, text, signal)) as Answer;
      } catch (error) {
        if (tried >= this.#retries || !mayPass(error)) throw error;
      }
      // Between half of the wait and all of it, so that many callers do not come back in step.
      await sleep(FIRST_WAIT_MS * 2 ** tried * (0.5 + Math.random() / 2), signal);
    }
  }

  async #try(operation: string, body: string, signal?: AbortSignal): Promise<unknown> {
    signal?.throwIfAborted();
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), this.#timeoutMs);
    const stop = () => abort.abort();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      // A redirect is not followed: it would carry the key to wherever it leads.
      const call = { method: "POST", headers: this.#headers, body, redirect: "manual", signal: abort.signal } as const;
      const response = await this.#fetch(`${this.#url}/2.0/maxpay/${operation}`, call);
      return answerOf(response, await textOf(response));
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof MaxPayError) throw cause;
      if (abort.signal.aborted) throw new TransportError(`${operation}: no answer within ${this.#timeoutMs} ms`);
      throw new TransportError(`${operation}: no answer from ${this.#url}`, { cause });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }
}

function baseOf(given: string): string {
  let url;
  try {
    url = new URL(given);
  } catch {
    throw new InvalidInputError("url", "must be the address of your gateway, such as https://pay.example.com");
  }
  const isPlain = ["http:", "https:"].includes(url.protocol) && !url.username && !url.password && !url.search && !url.hash;
  if (!isPlain) throw new InvalidInputError("url", "must be http or https, without a user, a query or a fragment");
  return url.href.replace(/\/+$/, "");
}

function headersOf(options: Options): Record<string, string> {
  if (!/^[0-9a-f]{24}$/.test(options.appId)) throw new InvalidInputError("appId", "must be 24 lower-case hex digits");
  const given = (Object.keys(CREDENTIALS) as (keyof typeof CREDENTIALS)[]).filter((name) => options[name] !== undefined);
  const [name] = given;
  if (name === undefined || given.length > 1) {
    throw new InvalidInputError(given.join(", ") || "masterKey", "must be given alone: one of masterKey, clientKey and sessionToken");
  }
  const key = options[name] ?? "";
  // fetch would put a key that no header can hold into its error.
  if (typeof key !== "string" || !/^[!-~]+$/.test(key)) throw new InvalidInputError(name, "must be of visible ASCII characters");
  return { "Content-Type": "application/json", "X-ML-AppId": options.appId, [CREDENTIALS[name]]: key };
}

function wholeNumber(field: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new InvalidInputError(field, `must be an integer from ${least} to ${most}`);
  }
  return value;
}

function jsonOf(body: object): string {
  for (const [field, value] of Object.entries(body)) {
    try {
      JSON.stringify(value);
    } catch {
      throw new InvalidInputError(field, "must be JSON: no bigint, and no object that contains itself");
    }
  }
  return JSON.stringify(body);
}

async function textOf(response: Response): Promise<string> {
  // React Native's fetch has no stream: its text comes as a whole.
  if (!response.body) return withinBound(await response.text(), response.status);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  for (let part = await reader.read(); part.value; part = await reader.read()) {
    bytes += part.value.length;
    if (bytes > ANSWER_BYTES_MAX) {
      await reader.cancel();
      throw tooLong(response.status);
    }
    text += decoder.decode(part.value, { stream: true });
  }
  return text + decoder.decode();
}

function withinBound(text: string, status: number): string {
  if (text.length > ANSWER_BYTES_MAX) throw tooLong(status);
  return text;
}

function tooLong(status: number): TransportError {
  return new TransportError(`an answer of more than ${ANSWER_BYTES_MAX} bytes`, { status });
}

function answerOf(response: Response, text: string): unknown {
  const { status } = response;
  let answer: Partial<Failure> | null = null;
  try {
    answer = JSON.parse(text);
  } catch {
    // Said below, with what else is not an answer of MaxPay's.
  }
  if (typeof answer?.code !== "number") {
    throw new TransportError(`HTTP ${status}, and no answer of MaxPay's: is the url right?`, { status });
  }
  if (answer.code === 0) return answer;
  const failure = { code: answer.code, msg: String(answer.msg), err: String(answer.err) };
  throw apiError(failure, status, response.headers.get("apigw-requestid") ?? undefined);
}

function mayPass(error: unknown): boolean {
  if (!(error instanceof MaxPayError) || !("status" in error)) return false;
  const status = error.status as number | undefined;
  return status === undefined || status >= 500 || status === 429;
}

/** Waits, and rejects as soon as the signal says so. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
