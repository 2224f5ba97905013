// For servers: Node, Deno, Bun and workers. A bundler for browsers takes browser.ts in its place.

import { Client, checkFen, refuseMasterKey, resultsOf } from "./client.js";
import type { CallOptions, Options } from "./transport.js";
import type { BillRecord, Checkout, CheckoutRequest, CloseRequest, Refund, RefundRequest, RefundsQuery, Session, SessionRequest, SyncRequest } from "./types.js";

/** The version of this package. */
export const VERSION = "0.1.0";

export * from "./errors.js";
export * from "./types.js";
export type { CallOptions, Options } from "./transport.js";
export { channelsFor } from "./channels.js";
export { verifyResult, type ResultAddress, type ResultOptions } from "./results.js";
export { verifyWebhook, type RawBody, type WebhookHeaders, type WebhookOptions } from "./webhooks.js";

/** A client of one app's. With a client key or a session token it may charge, and ask by `billNum`; the rest needs the master key. */
export class MaxPay extends Client {
  constructor(options: Options) {
    if ("document" in globalThis) refuseMasterKey(options);
    // A browser has its own, and would have to ask the gateway's leave to send another.
    super(options, "document" in globalThis ? {} : { "User-Agent": `maxpay-javascript/${VERSION}` });
  }

  /** Makes a checkout: a page, and a QR code of its address, by which the bill is paid with any wallet. The same bill has the same checkout. */
  async checkout(checkout: CheckoutRequest, options?: CallOptions): Promise<Checkout> {
    checkFen("totalFee", checkout.totalFee);
    return this.transport.call<Checkout>("checkout", checkout, options);
  }

  /** Sends money back. The same `refundNum` moves it once. */
  async refund(refund: RefundRequest, options?: CallOptions): Promise<Refund> {
    checkFen("refundFee", refund.refundFee);
    return this.transport.call<Refund>("refund", refund, options);
  }

  /** The refunds of a bill, the oldest first, or the one of a number. */
  async refunds(query: RefundsQuery, options?: CallOptions): Promise<Refund[]> {
    return resultsOf("refunds", await this.transport.call("refunds", query, options));
  }

  /** The same, one by one. */
  async *eachRefund(query: RefundsQuery, options?: CallOptions): AsyncGenerator<Refund, void, void> {
    yield* await this.refunds(query, options);
  }

  /** Closes an unpaid bill, at the provider and here. A bill that turns out to be paid is a `ParamInvalidError`. */
  async close(bill: CloseRequest, options?: CallOptions): Promise<BillRecord> {
    return this.transport.call<BillRecord>("close", bill, options);
  }

  /** Asks the provider about a bill now, and gives its records. */
  async sync(bill: SyncRequest, options?: CallOptions): Promise<BillRecord[]> {
    return resultsOf("sync", await this.transport.call("sync", bill, options));
  }

  /** Makes a session token for one of your clients, in place of the client key. */
  async session(session: SessionRequest, options?: CallOptions): Promise<Session> {
    return this.transport.call<Session>("sessions", session, options);
  }
}
