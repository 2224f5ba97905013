// The original module's names: what they resolve and reject with on each platform.

import assert from "node:assert/strict";
import { test } from "node:test";
import MaxLeapPay, { MaxLeapError, findRecords, initialize, startPayment } from "react-native-maxpay/maxleap";
import { Platform, gateway, newBill, paying, phone, stack, who } from "./support.js";

const payment = (channel = "ali_app") => ({ channel, totalFee: 100, billNo: newBill(), subject: "一杯茶", extraAttrs: { t: "2" }, scheme: "teashop" });
const rejectsWith = (call, code) => assert.rejects(call, (error) => {
  assert.ok(error instanceof MaxLeapError, String(error));
  assert.equal(error.code, code, error.message);
  return true;
});

test("before initialize nothing is sent", async () => {
  await rejectsWith(startPayment(payment()), "-3");
  assert.equal(phone.calls.length, 0);
  initialize(who);
});

test("Android resolves with the id, and with records as a text", async () => {
  phone.wallet = paying();
  const given = payment("WX_APP");
  const id = await startPayment(given);
  assert.match(id, /^[0-9a-f]{24}$/);
  // Android never looked at the channel.
  const records = JSON.parse(await findRecords(given.billNo, "unipay_app"));
  assert.deepEqual(records.map((one) => [one.id, one.status, one.totalFee, one.extras]), [[id, "success", 100, { t: "2" }]]);
  await rejectsWith(findRecords(newBill()), "101");
});

test("iOS resolves with channel, info and payment, and with a list", async () => {
  Platform.OS = "ios";
  phone.wallet = paying({ word: "success", detail: { resultStatus: "9000" } });
  const given = payment();
  assert.deepEqual(await startPayment(given), { channel: "ali_app", info: { resultStatus: "9000" }, payment: given });
  assert.deepEqual(phone.calls[0].options, { mode: "live", scheme: "teashop" });
  const [record] = await findRecords(given.billNo, "ali_app");
  assert.equal(record.status, "success");
  assert.deepEqual(await findRecords(given.billNo, "wx_app"), []);
  assert.deepEqual(await findRecords(newBill()), []);
  phone.wallet = paying();
  const { extraAttrs, ...plain } = payment();
  assert.ok(extraAttrs);
  assert.deepEqual(await startPayment(plain), { channel: "ali_app", payment: { ...plain, extraAttrs: {} } });
});

test("each trouble rejects with its number as a text", async () => {
  phone.wallet = async () => ({ word: "cancel" });
  await rejectsWith(startPayment(payment()), "-2");
  await rejectsWith(startPayment({ ...payment(), totalFee: 0.5 }), "-3");
  // AUTOMATIC: an empty channel.
  await rejectsWith(startPayment(payment("paypal")), "4");
  await rejectsWith(startPayment({ ...payment(), billNo: "x".repeat(65) }), "5");
  Platform.OS = "ios";
  await rejectsWith(startPayment(payment("paypal")), "-4");
  MaxLeapPay.setEnvironment(2);
  await rejectsWith(startPayment(payment()), "-4");
  assert.equal(await MaxLeapPay.testChannelAvaliability("ali_app"), false);
  MaxLeapPay.setEnvironment(0);
  const nobody = await gateway((response) => response.destroy());
  initialize({ ...who, url: nobody.url, retries: 0 });
  await rejectsWith(findRecords("b"), "-3");
  initialize(who);
  await nobody.end();
});

test("a wallet that does not know is asked for at the gateway", { timeout: 30_000 }, async () => {
  phone.wallet = paying({ word: "unknown" });
  assert.match(await startPayment(payment()), /^[0-9a-f]{24}$/);
  phone.wallet = async () => ({ word: "unknown" });
  await rejectsWith(startPayment(payment()), "-1");
});

test("the sandbox, WeChat's settings and the channels go to the native side", async () => {
  phone.wallet = paying();
  MaxLeapPay.setEnvironment(1);
  await startPayment(payment("unipay_app"));
  assert.equal(phone.calls[0].options.mode, "test");
  MaxLeapPay.setEnvironment(0);
  await MaxLeapPay.configWXPay({ appId: "wx1", description: "tea" });
  assert.deepEqual(phone.calls[1].settings, { appId: "wx1" });
  assert.equal(await MaxLeapPay.testChannelAvaliability("ali_app"), true);
  assert.equal(await MaxLeapPay.testChannelAvaliability("ali_web"), false);
});

test("a master key is refused", () => {
  assert.throws(() => initialize({ url: stack.url, appId: stack.appId, clientKey: stack.masterKey }), /master key in an app/);
});
