// The names of MaxLeap's React Native module, for apps that used it. They resolve and reject as the original did on each platform, so that
// the code around them can stay. New code takes `pay` and `records` of the package itself.

import { ApiError, InvalidInputError, MaxPay, TransportError, type BillRecord, type Charged, type ChargeRequest, type Options } from "maxpay/app";
import { Platform } from "react-native";
import { untilSettled } from "./index.js";
import { handOver, isAppChannel, isAvailable, setUpWechat, type AppChannel, type Said } from "./wallets.js";

export interface MaxLeapPayment {
  channel: string;
  /** In fen. */
  totalFee: number;
  billNo: string;
  subject: string;
  extraAttrs?: Record<string, unknown>;
  scheme?: string;
  returnUrl?: string;
}

/** What `startPayment` resolves with on iOS. `info` has the words of the wallet's SDK. */
export interface MaxLeapResult {
  channel: string;
  info?: Record<string, unknown>;
  payment: MaxLeapPayment;
}

/** 0 is live, 1 is test; 2 was the original's offline mode, which is no longer there. */
export type MaxLeapEnvironment = 0 | 1 | 2;

/** `code` is a number as a text: of the gateway (1 to 7, 14), or one of `CODES`. */
export class MaxLeapError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = "MaxLeapError";
  }
}

const CODES = { unknown: "-1", cancelled: "-2", notSent: "-3", unsupported: "-4", notFound: "101" } as const;
const WALLET_MS = 300_000;
/** So long the bill is asked for where the wallet did not say how it went. */
const UNKNOWN_MS = 5000;

let client: MaxPay | undefined;
let environment: MaxLeapEnvironment = 0;

/** In place of the native `MaxLeap.initialize`: before the first call, with the client key alone. */
export function initialize(options: Options): void {
  client = new MaxPay(options);
}

/** Pays. Resolves on Android with the id of the transaction, on iOS with a `MaxLeapResult`. Rejects with a `MaxLeapError`. */
export async function startPayment(payment: MaxLeapPayment): Promise<string | MaxLeapResult> {
  return asMaxLeap(async () => {
    const channel = channelOf(payment.channel);
    const charged = await asked().charge(chargeOf(payment, channel));
    const mode = environment === 0 ? "live" : "test";
    const said = await handOver(charged as Charged<AppChannel>, WALLET_MS, { mode, ...(payment.scheme && { scheme: payment.scheme }) });
    await mustBePaid(payment.billNo, said);
    if (Platform.OS !== "ios") return charged.id;
    return { channel, ...(said.detail && { info: said.detail }), payment: { extraAttrs: {}, ...payment } };
  });
}

/**
 * The records of a bill. Resolves on iOS with a list, on Android with the JSON text of one. Android does not look at `channel`, and rejects with
 * code 101 where there is none.
 */
export async function findRecords(billNo: string, channel?: string): Promise<string | BillRecord[]> {
  return asMaxLeap(async () => {
    if (Platform.OS === "ios") return asked().records({ billNum: billNo, ...(channel && { channel: channel as AppChannel }) });
    const records = await asked().records({ billNum: billNo });
    if (records.length === 0) throw new MaxLeapError(CODES.notFound, "Object not found.");
    return JSON.stringify(records);
  });
}

export function setEnvironment(to: MaxLeapEnvironment): void {
  environment = to;
}

/** Spelled as the original spells it. */
export async function testChannelAvaliability(channel: string): Promise<boolean> {
  return environment !== 2 && isAppChannel(channel) && (await isAvailable(channel));
}

/** `universalLink` is new: WeChat's SDK for iOS asks for it since 2020. */
export async function configWXPay(config: { appId: string; description?: string; universalLink?: string }): Promise<void> {
  const { appId, universalLink } = config;
  await asMaxLeap(() => setUpWechat({ appId, ...(universalLink && { universalLink }) }));
}

export default { initialize, startPayment, findRecords, setEnvironment, testChannelAvaliability, configWXPay };

function asked(): MaxPay {
  if (client) return client;
  throw new InvalidInputError("initialize", "must be called first, with url, appId and clientKey");
}

/** What is no channel of an app's was AUTOMATIC on Android, whose wire name is empty, and unsupported on iOS. */
function channelOf(given: string): string {
  if (environment === 2) throw new MaxLeapError(CODES.unsupported, "the offline environment is no longer there");
  if (Platform.OS !== "ios") return isAppChannel(given.toLowerCase()) ? given.toLowerCase() : "";
  if (!isAppChannel(given)) throw new MaxLeapError(CODES.unsupported, `channel \`${given}\` is not supported`);
  return given;
}

function chargeOf(payment: MaxLeapPayment, channel: string): ChargeRequest<AppChannel> {
  const { billNo: billNum, totalFee, subject, extraAttrs: extras, returnUrl } = payment;
  return { channel: channel as AppChannel, billNum, totalFee, subject, ...(extras && { extras }), ...(returnUrl && { returnUrl }) };
}

async function mustBePaid(billNo: string, said: Said): Promise<void> {
  if (said.word === "success") return;
  if (said.word === "cancel") throw new MaxLeapError(CODES.cancelled, "cancelled by the payer");
  const status = await untilSettled(billNo, { client: asked(), waitMs: UNKNOWN_MS });
  if (status !== "success") throw new MaxLeapError(CODES.unknown, "the wallet did not say whether it paid: ask with findRecords");
}

async function asMaxLeap<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof MaxLeapError) throw error;
    throw new MaxLeapError(codeOf(error), error instanceof Error ? error.message : String(error));
  }
}

function codeOf(error: unknown): string {
  if (error instanceof ApiError) return String(error.code);
  return error instanceof InvalidInputError || error instanceof TransportError ? CODES.notSent : CODES.unknown;
}
