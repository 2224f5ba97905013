// For React Native: the calls of a client key by the JavaScript core, and the wallets on the phone by the native module.

import { payBy, untilSettled as askUntilSettled, type AskOptions, type Charged, type ChargeRequest, type Payment, type Status } from "maxpay/app";
import { handOver, onAppReturn, type AppChannel, type WalletOptions } from "./wallets.js";

export * from "maxpay/app";
export { channelsHere, isAvailable, setUpWechat, type AppChannel, type WalletOptions, type WechatSettings } from "./wallets.js";

export type PayOptions = AskOptions & WalletOptions;

/**
 * Has a bill paid by its wallet. `charge` is what your server's `charge` answered; or a charge to be made here, with the client.
 * Where the system ended the app meanwhile, nothing follows: ask with `untilSettled` when it starts again.
 */
export async function pay(charge: Charged<AppChannel> | ChargeRequest<AppChannel>, options: PayOptions): Promise<Payment> {
  return payBy(charge, { onReturn: onAppReturn, ...options }, async (charged, waitMs) => (await handOver(charged, waitMs, options)).word);
}

/** Asks until the bill is not `created` any longer, and at once when the payer comes back to the app. */
export async function untilSettled(billNum: string, options: AskOptions): Promise<Status> {
  return askUntilSettled(billNum, { onReturn: onAppReturn, ...options });
}
