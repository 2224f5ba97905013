// A payment from its charge to its end, however the payer is handed over: pages and apps differ in that alone.

import { InvalidInputError } from "./errors.js";
import { askerOf, untilSettled, waitOf, type AskOptions } from "./settled.js";
import type { Charged, ChargeRequest, Status } from "./types.js";

/** What the payer's side says. It proves nothing: `unknown` wherever nobody says anything. */
export type WalletWord = "success" | "cancel" | "unknown";

export interface Payment {
  /** What the payer's wallet said: good for the next thing to show, and no proof. `unknown` where nothing is said: a QR code, another page. */
  result: WalletWord;
  /** What the bill says. `created` is an open one: the payer cancelled, or `waitMs` is over. */
  settled: Promise<Status>;
}

/** Hands a payer over as the channel needs it, and gives what is said within `waitMs`. */
export type HandOver = (charged: Charged, waitMs: number) => Promise<WalletWord>;

/** How long a bill is looked at that the payer cancelled. */
const CANCELLED_MS = 2000;
/** What an answer to a charge may have, and a charge to be made has not. A backend may leave `id` out. */
const HANDED_OUT = ["id", "ali_app", "ali_web", "ali_wap", "codeUrl", "prepayid", "paySign", "wx_h5", "tn", "html"];

/** Has a bill paid: charges it if that is not done yet, hands the payer over, and asks until the bill says what became of it. */
export async function payBy(charge: Charged | ChargeRequest, options: AskOptions, handOver: HandOver): Promise<Payment> {
  askerOf(charge.billNum, options);
  const waitMs = waitOf(options);
  const charged = isCharged(charge) ? charge : await chargeHere(charge, options);
  const result = await handOver(charged, waitMs);
  const settled = untilSettled(charged.billNum, { ...options, waitMs: result === "cancel" ? Math.min(waitMs, CANCELLED_MS) : waitMs });
  // Who does not look at it gets no complaint in the console where the asking fails.
  settled.catch(() => {});
  return { result, settled };
}

function isCharged(charge: Charged | ChargeRequest): charge is Charged {
  return HANDED_OUT.some((name) => name in charge);
}

async function chargeHere(charge: ChargeRequest, { client, signal }: AskOptions): Promise<Charged> {
  if (!client) throw new InvalidInputError("client", "is needed for a charge: give what your server's charge answered, or a client");
  return client.charge(charge, { signal });
}
