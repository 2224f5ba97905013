// Whether a webhook is MaxPay's: by the platform's WebCrypto here, and by node:crypto in node.ts.

import { md5 } from "@noble/hashes/legacy.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { InvalidInputError, WebhookError } from "./errors.js";
import type { WebhookEvent } from "./types.js";

/** The body as it came, before any JSON parser touched it. */
export type RawBody = string | Uint8Array | ArrayBuffer;
/** Of a `Request`, or of `node:http`: their names in any case. */
export type WebhookHeaders = Headers | Record<string, string | readonly string[] | undefined>;

export interface WebhookOptions {
  /** `whsec_...`; while a secret is being changed, the new and the old one. Any of them may fit. */
  secrets: readonly string[];
  /** If given, `sign` in the body must be made with one of them, too. */
  masterKeys?: readonly string[];
  /** If given, the body must be about this app. */
  appId?: string;
  /** How many seconds the message may be off; 300 if absent. */
  tolerance?: number;
  /** The present moment in seconds, for tests. */
  now?: number;
}

/** What must be signed, with what, and the signatures that came with it. */
export interface Signed {
  content: Uint8Array<ArrayBuffer>;
  keys: Uint8Array<ArrayBuffer>[];
  signatures: Uint8Array<ArrayBuffer>[];
  body: Uint8Array<ArrayBuffer>;
  messageId: string;
}

/** Gives the event that a webhook tells of, or rejects with a `WebhookError`. Both signatures are compared in constant time. */
export async function verifyWebhook(rawBody: RawBody, headers: WebhookHeaders, options: WebhookOptions): Promise<WebhookEvent> {
  const signed = readSigned(rawBody, headers, options);
  let fits = false;
  for (const key of signed.keys) {
    const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
    for (const signature of signed.signatures) {
      fits = (await crypto.subtle.verify("HMAC", imported, signature, signed.content)) || fits;
    }
  }
  return readEvent(signed, fits, options, (text) => bytesToHex(md5(utf8ToBytes(text))));
}

/** Settings, headers and time, in this order; the content is not read. */
export function readSigned(rawBody: RawBody, headers: WebhookHeaders, options: WebhookOptions): Signed {
  // JavaScript without types gives anything: `[process.env.NOT_SET]`, for example.
  const { secrets, masterKeys, tolerance = 300, now = Date.now() / 1000 } = options ?? {};
  const isGiven = areTexts(secrets) && secrets.length > 0 && areTexts(masterKeys ?? []);
  if (!isGiven) throw new WebhookError("bad-secret", "secrets must be a list with at least one text, masterKeys a list of texts, and none of them empty");
  // Compared with NaN, every message would be new.
  if (!Number.isFinite(tolerance) || tolerance < 0) throw new InvalidInputError("tolerance", "must be a number of seconds from 0");
  if (!Number.isFinite(now)) throw new InvalidInputError("now", "must be a number of seconds");
  const keys = secrets.map(keyOf);
  const body = bytesOf(rawBody);
  const [id, timestamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => header(headers, name)) as [string, string, string];
  if (!/^[0-9]{1,12}$/.test(timestamp)) throw new WebhookError("bad-timestamp", "webhook-timestamp must be seconds, 1 to 12 digits");
  if (now - Number(timestamp) > tolerance) throw new WebhookError("too-old", `it was sent more than ${tolerance} s ago`);
  if (Number(timestamp) - now > tolerance) throw new WebhookError("too-new", `it was sent more than ${tolerance} s ahead of this clock`);
  const head = utf8ToBytes(`${id}.${timestamp}.`);
  const content = new Uint8Array(head.length + body.length);
  content.set(head);
  content.set(body, head.length);
  return { content, keys, signatures: signatures.split(" ").flatMap(signatureOf), body, messageId: id };
}

/** The event, if the signature fits: nothing of the body is read before. */
export function readEvent(signed: Signed, fits: boolean, options: WebhookOptions, md5Hex: (text: string) => string): WebhookEvent {
  if (!fits) throw new WebhookError("wrong-signature", "no v1 signature fits: is the body as it came, and the secret this webhook's?");
  const event = objectOf(signed.body);
  const { appid, timestamp, sign } = event;
  if (options.appId !== undefined && appid !== options.appId) throw new WebhookError("wrong-app", "it is about another app");
  const masterKeys = options.masterKeys ?? [];
  if (masterKeys.length > 0) {
    const isWhole = typeof appid === "string" && Number.isSafeInteger(timestamp) && typeof sign === "string";
    const right = masterKeys.map((key) => isSame(md5Hex(`${appid}${key}${timestamp}`), String(sign)));
    if (!isWhole || !right.includes(true)) throw new WebhookError("wrong-sign", "sign in the body was not made with a master key of these");
  }
  checkMembers(event);
  return { ...event, event: event.event ?? "payment.success", messageId: signed.messageId } as unknown as WebhookEvent;
}

const TEXTS = ["appid", "id", "billNum", "channel", "status", "currency"];
const INTEGERS = ["totalFee", "createdTime", "timestamp"];
const OTHER_TEXTS = ["event", "refundNum", "failure", "kind", "problem", "duplicateOf"];
const OTHER_INTEGERS = ["endTime", "refundFee", "refundedFee", "serverFee"];

/** What every event has, and what it may have: a handler that compares a fee must not find a text. */
function checkMembers(event: Record<string, unknown>): void {
  const isAbsent = (name: string) => event[name] === undefined || event[name] === null;
  const isText = (name: string) => typeof event[name] === "string";
  const isInteger = (name: string) => Number.isSafeInteger(event[name]);
  const wrong =
    TEXTS.find((name) => !isText(name)) ??
    INTEGERS.find((name) => !isInteger(name)) ??
    OTHER_TEXTS.find((name) => !isAbsent(name) && !isText(name)) ??
    OTHER_INTEGERS.find((name) => !isAbsent(name) && !isInteger(name)) ??
    (isAbsent("extras") || isObject(event.extras) ? undefined : "extras");
  if (wrong !== undefined) throw new WebhookError("bad-body", `${wrong} in the body is absent or of another type`);
}

const areTexts = (list: unknown): list is string[] => Array.isArray(list) && list.every((one) => typeof one === "string" && one !== "");
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  const key = secret.startsWith("whsec_") ? bytesOfBase64(secret.slice("whsec_".length)) : undefined;
  if (!key?.length) throw new WebhookError("bad-secret", "a secret must be `whsec_` and base64 after it");
  return key;
}

function signatureOf(one: string): Uint8Array<ArrayBuffer>[] {
  const bytes = one.startsWith("v1,") ? bytesOfBase64(one.slice("v1,".length)) : undefined;
  return bytes ? [bytes] : [];
}

function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  return BASE64.test(text) ? Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0)) : undefined;
}

function bytesOf(body: RawBody): Uint8Array<ArrayBuffer> {
  if (typeof body === "string") return new TextEncoder().encode(body);
  if (body instanceof Uint8Array || body instanceof ArrayBuffer) return new Uint8Array(body as ArrayBuffer);
  throw new InvalidInputError("rawBody", "must be the body as it came, as bytes or text, and not what a JSON parser made of it");
}

function header(headers: WebhookHeaders, name: string): string {
  const entries = headers instanceof Headers ? [...headers] : Object.entries(headers ?? {});
  const value = entries.find(([key]) => key.toLowerCase() === name)?.[1];
  const text = Array.isArray(value) ? value.join(" ") : value;
  if (typeof text !== "string" || !text) throw new WebhookError("missing-header", `${name} is absent`);
  return text;
}

function objectOf(body: Uint8Array): Record<string, unknown> {
  let event: unknown;
  try {
    event = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body));
  } catch {
    // Said below.
  }
  if (!isObject(event)) throw new WebhookError("bad-body", "the body is no JSON object in UTF-8");
  return event;
}

/** In a time that does not depend on where two texts of the same length differ. */
export function isSame(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let place = 0; place < one.length; place += 1) difference |= one.charCodeAt(place) ^ other.charCodeAt(place);
  return difference === 0;
}
