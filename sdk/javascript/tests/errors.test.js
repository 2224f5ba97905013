// Each way in which a call can fail, provoked at the running stack, and what an error never holds.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import * as sdk from "maxpay";
import { ask, chargeOn, client, newBill, operator, play, server, stack } from "./support.js";

const maxpay = server();

async function refused(promise, Class, code, named) {
  const error = await promise.then(() => assert.fail(`${Class.name} was expected`), (error) => error);
  assert.ok(error instanceof Class && error instanceof sdk.ApiError && error instanceof sdk.MaxPayError, inspect(error));
  assert.deepEqual([error.name, error.code, error.status], [Class.name, code, 200]);
  assert.match(error.err, named);
  assert.ok(error.message.includes(error.msg) && error.message.includes(error.err));
  return error;
}

test("code 1: a key that does not fit the app", async () => {
  await refused(server({ masterKey: "x".repeat(43) }).records(), sdk.AppInvalidError, 1, /./);
  await refused(client().refund({ billNum: "1", refundNum: "1", refundFee: 1 }), sdk.AppInvalidError, 1, /master/i);
});

test("codes 2 and 6: a channel without settings, and a key that is missing", async () => {
  const app = await operator("POST", "/apps", { name: "half" });
  const half = new sdk.MaxPay({ url: stack.url, appId: app.appId, masterKey: app.test.masterKey });
  await refused(half.charge(chargeOn("wx_native")), sdk.PayFactorNotSetError, 2, /wx_mp|wx_native/);
  const { v2Md5 } = await ask("GET", "/_local/simulator/wechat/settings");
  await operator("PUT", `/apps/${app.appId}/channels/wx_mp?mode=test`, v2Md5.wx_mp);
  const charged = await half.charge(chargeOn("wx_native"));
  await play(charged);
  await half.sync({ billNum: charged.billNum });
  await refused(half.refund({ billNum: charged.billNum, refundNum: newBill("r"), refundFee: 1 }), sdk.CertFileError, 6, /clientPfx/);
});

test("codes 3 and 4: an unknown channel, and a field that is absent", async () => {
  await refused(maxpay.charge({ ...chargeOn("ali_app"), channel: "paper" }), sdk.ChannelInvalidError, 3, /channel/);
  const { subject, ...without } = chargeOn("ali_app");
  assert.ok(subject);
  await refused(maxpay.charge(without), sdk.MissParamError, 4, /subject/);
});

test("code 5: another fee for an open bill, and closing one that is paid", async () => {
  const charge = chargeOn("ali_qrcode");
  const charged = await maxpay.charge(charge);
  await refused(maxpay.charge({ ...charge, totalFee: 1 }), sdk.ParamInvalidError, 5, /totalFee/);
  await play(charged);
  await refused(maxpay.close({ billNum: charge.billNum, channel: "ali_qrcode" }), sdk.ParamInvalidError, 5, /paid/);
});

test("code 7: the provider fails, and the same charge made again works", async () => {
  const charge = chargeOn("wx_native");
  await ask("POST", "/_local/simulator/wechat/faults", { next: ["http500", "http500", "http500", "http500"] });
  await refused(maxpay.charge(charge), sdk.ChannelError, 7, /./);
  await ask("POST", "/_local/simulator/wechat/faults", { next: [] });
  assert.equal((await maxpay.charge(charge)).code, 0);
});

for (const [what, totalFee] of [["a fraction", 9.9], ["a text", "990"], ["nothing", undefined], ["zero", 0], ["a bigint", 1n], ["NaN", NaN], ["2^53", 2 ** 53]]) {
  test(`an amount that is ${what} is refused by name before it is sent`, async () => {
    const wrong = (field) => (error) => error instanceof sdk.InvalidInputError && error.field === field && error.message.startsWith(field);
    await assert.rejects(maxpay.charge({ ...chargeOn("ali_app"), totalFee }), wrong("totalFee"));
    await assert.rejects(maxpay.refund({ billNum: "1", refundNum: "1", refundFee: totalFee }), wrong("refundFee"));
  });
}

for (const [field, options] of [
  ["url", { url: "pay.example.com" }],
  ["url", { url: "ftp://pay.example.com" }],
  ["url", { url: "https://user:secret@pay.example.com" }],
  ["appId", { appId: "demo" }],
  ["masterKey", { masterKey: undefined }],
  ["masterKey, clientKey", { clientKey: "c" }],
  ["masterKey", { masterKey: "with a\nline end" }],
  ["masterKey", { masterKey: 5 }],
  ["timeoutMs", { timeoutMs: 0 }],
  ["retries", { retries: 1.5 }],
]) {
  test(`a client is not made with ${JSON.stringify(options)}`, () => {
    assert.throws(() => server(options), (error) => error instanceof sdk.InvalidInputError && error.field === field && !/secret@|line end/.test(error.message));
  });
}

test("neither a client nor an error shows a key", async () => {
  const secret = "S".repeat(43);
  const errors = [];
  for (const url of [stack.url, "http://127.0.0.1:9"]) {
    const broken = server({ url, masterKey: secret, retries: 0 });
    errors.push(broken, await broken.records().catch((error) => error));
  }
  for (const shown of errors) {
    const texts = [inspect(shown, { depth: 9, showHidden: true }), String(shown), JSON.stringify(shown), shown.stack];
    assert.ok(!texts.join("\n").includes(secret), texts.join("\n"));
  }
});

test("a page gets no master key, whatever it is called", async () => {
  globalThis.document = {};
  try {
    assert.throws(() => server(), /masterKey must not be a master key in a browser/);
    assert.throws(() => client({ clientKey: stack.masterKey }), /clientKey must not be a master key in a browser/);
    assert.ok(client());
  } finally {
    delete globalThis.document;
  }
  // A page is rendered on a server first, perhaps: its module can be loaded there, and refuses a master key there, too.
  const page = await import("maxpay/browser");
  assert.throws(() => new page.MaxPay({ url: stack.url, appId: stack.appId, masterKey: stack.masterKey }), /must not be a master key/);
});
