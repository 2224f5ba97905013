// One call for a page: it hands the payer over as the channel needs it, and then asks until the bill says what became of it.

import { InvalidInputError, MaxPayError } from "./errors.js";
import { payBy, type Payment, type WalletWord } from "./payment.js";
import type { AskOptions } from "./settled.js";
import type { Charged, ChargeRequest } from "./types.js";
import { goTo, payInAlipay, payInWechat, qrCode, submitForm } from "./wallets.js";

export type { Payment, WalletWord } from "./payment.js";

export interface PayOptions extends AskOptions {
  /** Where a QR code is drawn, for `ali_qrcode` and `wx_native`; or what to do with it. */
  qr?: Element | ((svg: SVGElement) => void);
  /** Where `wx_h5` sends the payer afterwards. The other channels have it from their charge. */
  returnUrl?: string;
  /** The window that goes to the provider, such as one that a click opened; this page's own if absent. */
  window?: Window;
}

/**
 * Has a bill paid. `charge` is what your server's `charge` answered; or a charge to be made here, with the client.
 * Where the page itself goes to the provider, nothing follows: the page at `returnUrl` asks, with `untilSettled`.
 */
export async function pay(charge: Charged | ChargeRequest, options: PayOptions): Promise<Payment> {
  return payBy(charge, options, (charged, waitMs) => handOver(charged, waitMs, options));
}

async function handOver(charged: Charged, waitMs: number, options: PayOptions): Promise<WalletWord> {
  const page = options.window ?? window;
  switch (charged.channel) {
    case "ali_web":
      return goTo(page, "ali_web", charged.ali_web);
    case "ali_wap":
      return goTo(page, "ali_wap", charged.ali_wap);
    case "wx_h5":
      return goTo(page, "wx_h5", withReturn(charged.wx_h5, options.returnUrl));
    case "unipay_web":
      return submitForm(page, charged.html);
    case "ali_qrcode":
    case "wx_native":
      return showQr(charged.codeUrl, options.qr);
    case "wx_jsapi":
      return payInWechat(page, charged, waitMs);
    case "ali_app":
      return payInAlipay(page, charged, waitMs);
    case "wx_lite":
      throw new MaxPayError("wx_lite is paid by a mini program with wx.requestPayment, and by no page");
    case "wx_app":
    case "unipay_app":
    case "applepay_upacp":
      throw new MaxPayError(`${charged.channel} is paid by an app with its provider's SDK, and by no page`);
    default:
      throw new InvalidInputError("channel", "is unknown: give the channel and billNum of the charge beside its answer");
  }
}

function withReturn(address: string, returnUrl: string | undefined): string {
  return returnUrl === undefined ? address : `${address}&redirect_url=${encodeURIComponent(returnUrl)}`;
}

function showQr(text: string, qr: PayOptions["qr"]): WalletWord {
  if (!qr) throw new InvalidInputError("qr", "is needed: the element that the QR code is drawn in");
  const svg = qrCode(text);
  if (typeof qr === "function") qr(svg);
  else qr.replaceChildren(svg);
  return "unknown";
}
