// Compiled and never run: what the compiler takes, and what it does not.

import { MaxPay, ParamInvalidError, verifyResult, verifyWebhook, type Charged } from "maxpay";
import { pay, MaxPay as PageMaxPay } from "maxpay/browser";
import { verifyResultSync, verifyWebhookSync } from "maxpay/node";

const maxpay = new MaxPay({ url: "https://pay.example.com", appId: "568a12086e912100017722e5", masterKey: "m" });
const bill = { billNum: "1", totalFee: 1, subject: "tea" };

const charged: Charged<"wx_native"> = await maxpay.charge({ ...bill, channel: "wx_native" });
charged.codeUrl satisfies string;
// @ts-expect-error: a QR code is no order string.
charged.ali_app;
// @ts-expect-error: a page needs to know where the payer goes afterwards.
await maxpay.charge({ ...bill, channel: "ali_web" });
// @ts-expect-error: WeChat needs the payer's own address.
await maxpay.charge({ ...bill, channel: "wx_h5" });
// @ts-expect-error: there is no such channel.
await maxpay.charge({ ...bill, channel: "paper" });
// @ts-expect-error: fen are a number.
await maxpay.charge({ ...bill, channel: "ali_app", totalFee: "1" });
(await maxpay.charge({ ...bill, channel: "ali_web", returnUrl: "https://shop.example" })).ali_web satisfies string;
// @ts-expect-error: one of billNum and refundNum is needed.
await maxpay.refunds({});
for await (const record of maxpay.eachRecord({ channel: "ali", status: "success" })) record.totalFee satisfies number;

const event = await verifyWebhook("", {}, { secrets: [] });
if (event.event === "refund.failed") event.failure satisfies string;
// @ts-expect-error: a payment has no failure.
if (event.event === "payment.success") event.failure;
verifyWebhookSync(new Uint8Array(), new Headers(), { secrets: [] }) satisfies typeof event;

const page = new PageMaxPay({ url: "https://pay.example.com", appId: "568a12086e912100017722e5", clientKey: "c" });
// @ts-expect-error: a page does not send money back.
page.refund;
const { result, settled } = await pay(charged, { client: page });
result satisfies "success" | "cancel" | "unknown";
(await settled) satisfies "created" | "success" | "refund" | "closed";
await pay({ ...bill, channel: "ali_wap" }, { client: page });

try {
  await maxpay.close({ billNum: "1", channel: "ali_web" });
} catch (error) {
  if (error instanceof ParamInvalidError) error.err satisfies string;
}

const checkout = await maxpay.checkout({ ...bill, returnUrl: "https://shop.example/back", channels: ["ali_wap"], locale: "en" });
checkout.url satisfies string;
checkout.expiresAt satisfies number;
// @ts-expect-error: a payer must come back somewhere.
await maxpay.checkout(bill);
const came = await verifyResult("?maxpay_app=1", { masterKeys: ["m"] });
if (came.status === "success") came.totalFee satisfies number;
// @ts-expect-error: a payer who left has paid nothing.
if (came.status === "cancel") came.totalFee satisfies number;
verifyResultSync(new URL("https://shop.example/back"), { masterKeys: ["m"] }) satisfies typeof came;
