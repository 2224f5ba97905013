// The same verifications without a promise, by node:crypto: for handlers that must decide at once.

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { readResult, readSignedResult, type ResultAddress, type ResultOptions } from "./results.js";
import type { CheckoutResult, WebhookEvent } from "./types.js";
import { readEvent, readSigned, type RawBody, type WebhookHeaders, type WebhookOptions } from "./webhooks.js";

export type { ResultAddress, ResultOptions } from "./results.js";
export type { RawBody, WebhookHeaders, WebhookOptions } from "./webhooks.js";

/** Gives the event that a webhook tells of, or throws a `WebhookError`. Both signatures are compared in constant time. */
export function verifyWebhookSync(rawBody: RawBody, headers: WebhookHeaders, options: WebhookOptions): WebhookEvent {
  const signed = readSigned(rawBody, headers, options);
  let fits = false;
  for (const key of signed.keys) {
    const mac = createHmac("sha256", key).update(signed.content).digest();
    for (const signature of signed.signatures) {
      fits = (signature.length === mac.length && timingSafeEqual(signature, mac)) || fits;
    }
  }
  return readEvent(signed, fits, options, (text) => createHash("md5").update(text).digest("hex"));
}

/** Gives the result of a checkout, or throws a `ResultError`. */
export function verifyResultSync(address: ResultAddress, options: ResultOptions): CheckoutResult {
  const signed = readSignedResult(address, options);
  const found = Buffer.from(signed.sign);
  let fits = false;
  for (const key of options.masterKeys) {
    const expected = Buffer.from(createHmac("sha256", key).update(signed.content).digest("hex"));
    fits = (expected.length === found.length && timingSafeEqual(expected, found)) || fits;
  }
  return readResult(signed, fits, options);
}
