// The same verification without a promise, by node:crypto: for handlers that must decide at once.

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { WebhookEvent } from "./types.js";
import { readEvent, readSigned, type RawBody, type WebhookHeaders, type WebhookOptions } from "./webhooks.js";

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
