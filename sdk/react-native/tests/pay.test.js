// pay and records against the running stack, with a phone whose wallets the test plays.

import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidInputError, MaxPay, ParamInvalidError, TransportError, channelsHere, pay, setUpWechat, untilSettled } from "react-native-maxpay";
import { Platform, chargeOn, gateway, newBill, paying, phone, stack, who } from "./support.js";

const client = new MaxPay(who);
const MEMBERS = {
  ali_app: ["ali_app"],
  wx_app: ["appid", "partnerid", "prepayid", "package", "noncestr", "timestamp", "sign"],
  unipay_app: ["tn"],
  applepay_upacp: ["tn"],
};

for (const [channel, members] of Object.entries(MEMBERS)) {
  test(`${channel} is charged, handed to its wallet, and asked for until the bill is paid`, async () => {
    phone.wallet = paying();
    const charge = chargeOn(channel);
    const { result, settled } = await pay(charge, { client, mode: "test" });
    assert.equal(result, "success");
    assert.equal(await settled, "success");
    const [{ charged, options }] = phone.calls;
    for (const member of members) assert.ok(charged[member], member);
    assert.deepEqual(options, { mode: "test" });
    const [record] = await client.records({ billNum: charge.billNum });
    assert.deepEqual([record.status, record.totalFee, record.channel], ["success", 9900, channel]);
  });
}

test("what a server charged is paid, and the server is asked", async () => {
  const charged = await client.charge(chargeOn("wx_app"));
  phone.wallet = paying();
  let asked = 0;
  const ask = async () => ((asked += 1) < 2 ? "created" : "success");
  const { settled } = await pay(charged, { ask });
  assert.equal(await settled, "success");
  assert.equal(asked, 2);
});

test("a payer who cancels leaves an open bill, and it is known soon", async () => {
  phone.wallet = async () => ({ word: "cancel" });
  const begun = Date.now();
  const { result, settled } = await pay(chargeOn("ali_app"), { client });
  assert.deepEqual([result, await settled], ["cancel", "created"]);
  assert.ok(Date.now() - begun < 10_000);
});

test("a wallet's word proves nothing: the bill is asked", async () => {
  phone.wallet = async () => ({ word: "success" });
  const { result, settled } = await pay(chargeOn("ali_app"), { client, waitMs: 1500 });
  assert.deepEqual([result, await settled], ["success", "created"]);
  phone.wallet = paying({ word: "no word of ours" });
  const other = await pay(chargeOn("ali_app"), { client });
  assert.deepEqual([other.result, await other.settled], ["unknown", "success"]);
});

test("who comes back from WeChat without a word is asked for", { timeout: 20_000 }, async () => {
  phone.wallet = (charged) => {
    setTimeout(async () => {
      await paying()(charged);
      // An inactive moment is no way out of the app.
      phone.goes("inactive");
      phone.goes("background");
      phone.goes("active");
    }, 50);
    return new Promise(() => {});
  };
  const { result, settled } = await pay(chargeOn("wx_app"), { client });
  assert.deepEqual([result, await settled], ["unknown", "success"]);
  assert.equal(phone.listeners(), 0);
});

test("a return to the app asks at once", async () => {
  let asked = 0;
  const settled = untilSettled("b", { ask: async () => ((asked += 1) === 1 ? "created" : "success") });
  await new Promise((go) => setTimeout(go, 50));
  const begun = Date.now();
  phone.goes("active");
  assert.equal(await settled, "success");
  assert.ok(Date.now() - begun < 500, "it waited for its pause");
});

test("a wallet that never answers is waited for no longer than said", async () => {
  phone.wallet = () => new Promise(() => {});
  const { result, settled } = await pay(chargeOn("ali_app"), { client, waitMs: 300 });
  assert.deepEqual([result, await settled], ["unknown", "created"]);
});

test("a master key is refused under every name", () => {
  const without = { url: stack.url, appId: stack.appId };
  for (const name of ["masterKey", "clientKey", "sessionToken"]) {
    assert.throws(() => new MaxPay({ ...without, [name]: stack.masterKey }), (error) => {
      assert.ok(error instanceof InvalidInputError && error.field === name, String(error));
      assert.match(error.message, /must not be a master key in an app/);
      assert.ok(!error.message.includes(stack.masterKey));
      return true;
    });
  }
});

test("wrong input is refused by its field before anything is sent", async () => {
  await assert.rejects(pay({ ...chargeOn("ali_app"), totalFee: 9.9 }, { client }), { field: "totalFee" });
  await assert.rejects(pay({ ...chargeOn("ali_web"), returnUrl: "https://shop.example" }, { client }), { field: "channel" });
  await assert.rejects(pay(chargeOn("ali_app"), {}), { field: "client" });
  await assert.rejects(setUpWechat({ appId: "" }), { field: "appId" });
  Platform.OS = "ios";
  await assert.rejects(pay(chargeOn("unipay_app"), { client }), { field: "scheme" });
  assert.equal(phone.calls.length, 0);
});

test("an error of the gateway's has its class, and is not repeated", async () => {
  const charge = chargeOn("ali_app");
  await client.charge(charge);
  await assert.rejects(client.charge({ ...charge, totalFee: 1 }), ParamInvalidError);
});

test("a call is repeated after an outage, with the same words", async () => {
  const flaky = await gateway((response, time) => {
    response.statusCode = time < 3 ? 503 : 200;
    response.end(JSON.stringify(time < 3 ? { code: 14, msg: "RUN_TIME_ERROR", err: "later" } : { code: 0, msg: "OK", results: [] }));
  });
  assert.deepEqual(await new MaxPay({ ...who, url: flaky.url }).records({ billNum: "b" }), []);
  assert.deepEqual(flaky.asked.map(({ path, body }) => [path, body]), Array(3).fill(["/2.0/maxpay/records", '{"billNum":"b"}']));
  assert.equal(flaky.asked[0].headers["x-ml-apikey"], stack.clientKey);
  await flaky.end();
  await assert.rejects(new MaxPay({ ...who, url: flaky.url, retries: 0 }).records({ billNum: "b" }), TransportError);
});

test("an answer is bounded without a stream, too", async () => {
  const endless = await gateway((response) => response.end("x".repeat(9 * 1024 * 1024)));
  await assert.rejects(new MaxPay({ ...who, url: endless.url, retries: 0 }).records({ billNum: "b" }), /more than 8388608 bytes/);
  await endless.end();
});

test("channels are those of this phone, the handiest first", async () => {
  phone.installed = ["unipay_app", "ali_app", "applepay_upacp"];
  assert.deepEqual(await channelsHere(), ["ali_app", "unipay_app"]);
  Platform.OS = "ios";
  assert.deepEqual(await channelsHere(), ["ali_app", "applepay_upacp", "unipay_app"]);
  phone.installed = Object.keys(MEMBERS);
});

test("WeChat is set up, or says that it is not", async () => {
  await setUpWechat({ appId: "wx1", universalLink: "https://app.example/" });
  assert.deepEqual(phone.calls[0].settings, { appId: "wx1", universalLink: "https://app.example/" });
  phone.takesWechat = false;
  await assert.rejects(setUpWechat({ appId: "wx1" }), /did not take the app/);
  phone.takesWechat = true;
});

test("an unpaid bill can be asked for, and one that is not there is open", async () => {
  assert.equal(await untilSettled(newBill(), { client, waitMs: 0 }), "created");
});
