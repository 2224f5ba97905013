// Whether the result that a payer's browser brings back from a checkout is MaxPay's: by WebCrypto here, and by node:crypto in node.ts.

import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { InvalidInputError, ResultError } from "./errors.js";
import type { CheckoutResult } from "./types.js";
import { isSame } from "./webhooks.js";

export interface ResultOptions {
  /** The app's master key of the mode; while it is being changed, the new and the old one. Any of them may fit. */
  masterKeys: readonly string[];
  /** If given, the result must be of this app. */
  appId?: string;
  /** How many seconds the result may be off; 300 if absent. */
  tolerance?: number;
  /** The present moment in seconds, for tests. */
  now?: number;
}

/** The address that the payer came back to, or its query: `request.url` will do. */
export type ResultAddress = string | URL | URLSearchParams;

/** What must be signed, and the signature that came with it. */
export interface SignedResult {
  content: Uint8Array<ArrayBuffer>;
  sign: string;
  parameters: Map<string, string>;
}

/** Gives the result of a checkout, or rejects with a `ResultError`. It is for the page that the payer sees; deliver by the webhook or a query. */
export async function verifyResult(address: ResultAddress, options: ResultOptions): Promise<CheckoutResult> {
  const signed = readSignedResult(address, options);
  let fits = false;
  for (const key of options.masterKeys) {
    const imported = await crypto.subtle.importKey("raw", bytesOf(key), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const mac = await crypto.subtle.sign("HMAC", imported, signed.content);
    fits = isSame(bytesToHex(new Uint8Array(mac)), signed.sign) || fits;
  }
  return readResult(signed, fits, options);
}

const REQUIRED = ["maxpay_app", "maxpay_bill", "maxpay_mode", "maxpay_status", "maxpay_time", "maxpay_sign"];

/** Settings and parameters, in this order; no value is read. */
export function readSignedResult(address: ResultAddress, options: ResultOptions): SignedResult {
  const { masterKeys, tolerance = 300, now = 0 } = options ?? {};
  const isGiven = Array.isArray(masterKeys) && masterKeys.length > 0 && masterKeys.every((key) => typeof key === "string" && key !== "");
  if (!isGiven) throw new ResultError("bad-key", "masterKeys must be a list with at least one text, and none of them empty");
  // Compared with NaN, every result would be new.
  if (!Number.isFinite(tolerance) || tolerance < 0) throw new InvalidInputError("tolerance", "must be a number of seconds from 0");
  if (!Number.isFinite(now)) throw new InvalidInputError("now", "must be a number of seconds");
  const parameters = new Map<string, string>();
  for (const [name, value] of parametersOf(address)) {
    if (!name.startsWith("maxpay_")) continue;
    if (parameters.has(name)) throw new ResultError("repeated-parameter", `${name} is there twice`);
    parameters.set(name, value);
  }
  const absent = REQUIRED.find((name) => !parameters.get(name));
  if (absent !== undefined) throw new ResultError("missing-parameter", `${absent} is absent or empty`);
  const sign = parameters.get("maxpay_sign") ?? "";
  parameters.delete("maxpay_sign");
  const lines = [...parameters.keys()].sort().map((name) => `${name}=${parameters.get(name)}`);
  return { content: bytesOf(["maxpay-checkout-result", ...lines].join("\n")), sign, parameters };
}

/** The result, if the signature fits. */
export function readResult({ parameters }: SignedResult, fits: boolean, options: ResultOptions): CheckoutResult {
  // A line end in a value could make two parameters of one.
  const isOneLine = [...parameters.values()].every((value) => !value.includes("\n"));
  if (!fits || !isOneLine) throw new ResultError("wrong-signature", "maxpay_sign fits no master key: is the key of the same mode, and the address as it came?");
  const result = resultOf(parameters);
  if (options.appId !== undefined && result.appId !== options.appId) throw new ResultError("wrong-app", "it is of another app");
  const { tolerance = 300, now = Date.now() / 1000 } = options;
  const age = Math.round(now * 1000) - result.time;
  if (age > tolerance * 1000) throw new ResultError("too-old", `it was made more than ${tolerance} s ago: ask for the bill in its place`);
  if (-age > tolerance * 1000) throw new ResultError("too-new", `it was made more than ${tolerance} s ahead of this clock`);
  return result;
}

function resultOf(parameters: Map<string, string>): CheckoutResult {
  const read = (name: string, form: RegExp): string => {
    const value = parameters.get(`maxpay_${name}`) ?? "";
    if (!form.test(value)) throw new ResultError("bad-result", `maxpay_${name} is absent or not of its form`);
    return value;
  };
  const result = {
    appId: read("app", /^/),
    mode: read("mode", /^(live|test)$/) as CheckoutResult["mode"],
    billNum: read("bill", /^/),
    time: Number(read("time", /^[0-9]{1,15}$/)),
  };
  const status = read("status", /^(success|cancel|unknown)$/) as CheckoutResult["status"];
  if (status !== "success") return { ...result, status };
  const [id, channel, totalFee] = [read("id", /^[^]/), read("channel", /^[^]/), Number(read("fee", /^[1-9][0-9]{0,10}$/))];
  return { ...result, status, id, channel, totalFee };
}

function parametersOf(address: ResultAddress): Iterable<[string, string]> {
  if (address instanceof URLSearchParams) return address;
  if (address instanceof URL) return address.searchParams;
  if (typeof address !== "string") throw new InvalidInputError("address", "must be the address that the payer came back to, or its query");
  const [whole = ""] = address.split("#", 1);
  if (!/^(https?:\/\/|[/?])/i.test(whole)) return new URLSearchParams(whole);
  const at = whole.indexOf("?");
  // With its question mark, of which one is not read.
  return new URLSearchParams(at < 0 ? "" : whole.slice(at));
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(utf8ToBytes(text));
