// What callers see. All of it comes from docs/openapi.yaml, by way of openapi.ts.

import type { components } from "./openapi.js";

type Schemas = components["schemas"];
type With<Type, Names extends keyof Type> = Type & Required<Pick<Type, Names>>;

export type Channel = Schemas["Channel"];
/** `created` is an open bill; `success` is a paid one, also if a part went back; `refund` is one of which all went back. */
export type Status = Schemas["Status"];
export type CheckoutRequest = Schemas["Checkout"];
/** `url` is the page, `qr` its address as an SVG picture, `expiresAt` its end in milliseconds. */
export type Checkout = Schemas["CheckoutMade"];
export type BillRecord = Schemas["Record"];
export type RecordsQuery = Schemas["RecordsQuery"];
export type RefundRequest = Schemas["refundBillBody"];
export type Refund = Schemas["Refund"];
export type RefundsQuery = With<Schemas["queryRefundsBody"], "billNum"> | With<Schemas["queryRefundsBody"], "refundNum">;
/** One order of a bill. The API also closes all of them at once, which this SDK does not. */
export type CloseRequest = Required<Schemas["closeBillBody"]>;
export type SyncRequest = Schemas["syncBillBody"];
export type SessionRequest = Schemas["createSessionTokenBody"];
export type Session = Schemas["Session"];

type Needs<C extends Channel> = C extends "ali_web" | "ali_qrcode" | "unipay_web"
  ? { returnUrl: string }
  : C extends "wx_jsapi" | "wx_lite"
    ? { openid: string }
    : C extends "wx_h5"
      ? { clientIp: string }
      : unknown;

/** What is charged: `totalFee` is in fen, a hundredth of a yuan. Some channels need a field more. */
export type ChargeRequest<C extends Channel = Channel> = C extends Channel ? Omit<Schemas["Charge"], "channel"> & { channel: C } & Needs<C> : never;

interface Answers {
  ali_app: With<Schemas["ChargedAliApp"], "ali_app">;
  ali_web: With<Schemas["ChargedAliWeb"], "ali_web">;
  ali_wap: With<Schemas["ChargedAliWap"], "ali_wap">;
  ali_qrcode: Schemas["ChargedAliQrcode"];
  wx_app: Schemas["ChargedWxApp"];
  wx_jsapi: Schemas["ChargedWxJsapi"];
  wx_native: Schemas["ChargedWxNative"];
  wx_h5: Schemas["ChargedWxH5"];
  wx_lite: Schemas["ChargedWxLite"];
  unipay_app: Schemas["ChargedUnipayApp"];
  unipay_web: Schemas["ChargedUnipayWeb"];
  applepay_upacp: Schemas["ChargedApplepayUpacp"];
}

/** What the payer's side needs, with the `channel` and `billNum` of the charge: send it to the browser as it is, for `pay`. */
export type Charged<C extends Channel = Channel> = C extends Channel ? Answers[C] & { channel: C; billNum: string } : never;

/** `event` is always there: the contract's body of a payment has none, and gets `payment.success`. */
type Event<Body, Name extends string> = Omit<Body, "event"> & {
  event: Name;
  /** The header `webhook-id`: the same at every attempt, so that an event that comes twice is known. */
  messageId: string;
};

/** What a webhook is sent. */
export type WebhookEvent =
  | Event<Schemas["PaymentSuccess"], "payment.success">
  | Event<Schemas["PaymentClosed"], "payment.closed">
  | Event<Schemas["RefundSuccess"], "refund.success">
  | Event<Schemas["RefundFailed"], "refund.failed">
  | Event<Schemas["RefundStuck"], "refund.stuck">
  | Event<Schemas["PaymentMismatch"], "payment.mismatch">
  | Event<Schemas["PaymentDuplicate"], "payment.duplicate">;

interface PayerCameBack {
  appId: string;
  mode: "live" | "test";
  billNum: string;
  /** When the result was made, in milliseconds. */
  time: number;
}

/** What a payer brings back from a checkout: paid; or left, where `unknown` may still be paid. A newer gateway may name other channels. */
export type CheckoutResult =
  | (PayerCameBack & { status: "success"; id: string; channel: string; totalFee: number })
  | (PayerCameBack & { status: "cancel" | "unknown"; id?: undefined; channel?: undefined; totalFee?: undefined });
