// Compiled and never run: what the compiler takes with React Native's types, and what it does not.

import { MaxPay, pay, untilSettled, type AppChannel } from "react-native-maxpay";
import type {} from "react-native";
import { findRecords, startPayment } from "react-native-maxpay/maxleap";

const client = new MaxPay({ url: "https://pay.example.com", appId: "568a12086e912100017722e5", clientKey: "k" });
const bill = { billNum: "1", totalFee: 1, subject: "tea" };

const { result, settled } = await pay({ ...bill, channel: "ali_app" }, { client, scheme: "teashop" });
result satisfies "success" | "cancel" | "unknown";
(await settled) satisfies "created" | "success" | "refund" | "closed";
await pay(await client.charge({ ...bill, channel: "wx_app" }), { ask: async () => "success" });
// @ts-expect-error: an app has no page for it.
await pay({ ...bill, channel: "ali_wap" }, { client });
// @ts-expect-error: this needs the master key.
await client.refund({ billNum: "1" });
(await untilSettled("1", { client, signal: new AbortController().signal })) satisfies string;
"applepay_upacp" satisfies AppChannel;

const paid = await startPayment({ channel: "ali_app", totalFee: 1, billNo: "1", subject: "tea" });
if (typeof paid !== "string") paid.payment.billNo satisfies string;
const records = await findRecords("1");
if (typeof records !== "string") records.map((record) => record.status);
