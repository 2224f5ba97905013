// For apps with a script engine and no page, such as React Native's: what a client key may do, and the course of a payment. How a payer gets
// to a wallet is the app's own.

import { Client, refuseMasterKey } from "./client.js";
import type { Options } from "./transport.js";

export * from "./errors.js";
export * from "./types.js";
export type { CallOptions, Options } from "./transport.js";
export { payBy, type HandOver, type Payment, type WalletWord } from "./payment.js";
export { untilSettled, type Ask, type AskOptions } from "./settled.js";

/** A client of one app's, with its client key or a session token. */
export class MaxPay extends Client {
  constructor(options: Options) {
    refuseMasterKey(options, "an app");
    super(options);
  }
}
