// For pages. It knows no call that needs the master key, and refuses one.

import { Client, refuseMasterKey } from "./client.js";
import type { Options } from "./transport.js";

export * from "./errors.js";
export * from "./types.js";
export type { CallOptions, Options } from "./transport.js";
export { channelsFor } from "./channels.js";
export { pay, type PayOptions, type Payment, type WalletWord } from "./pay.js";
export { untilSettled, type Ask, type AskOptions } from "./settled.js";
export { qrCode } from "./wallets.js";

/** A client of one app's, with its client key or a session token. */
export class MaxPay extends Client {
  constructor(options: Options) {
    refuseMasterKey(options);
    super(options);
  }
}
