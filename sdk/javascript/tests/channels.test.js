// Every channel there is, against the running stack: charged, paid, heard of, sent back.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { verifyWebhook } from "maxpay";
import { verifyWebhookSync } from "maxpay/node";
import { CHANNELS, chargeOn, client, hear, newBill, play, server, stack } from "./support.js";

const maxpay = server();
let webhook;
before(async () => { webhook = await hear(["payment.success", "refund.success", "payment.closed"]); });
after(() => webhook.end());

const options = () => ({ secrets: [webhook.secret], masterKeys: [stack.masterKey], appId: stack.appId });

const HANDED_OUT = {
  ali_app: "ali_app", ali_web: "ali_web", ali_wap: "ali_wap", ali_qrcode: "codeUrl", wx_app: "prepayid", wx_jsapi: "paySign",
  wx_native: "codeUrl", wx_h5: "wx_h5", wx_lite: "paySign", unipay_app: "tn", unipay_web: "html", applepay_upacp: "tn",
};

for (const channel of CHANNELS) {
  test(`${channel} is charged, paid, heard of, asked about and sent back in two parts`, async () => {
    const charge = { ...chargeOn(channel), extras: { table: "7" } };
    const charged = await maxpay.charge(charge);
    assert.deepEqual([charged.channel, charged.billNum, charged.code], [channel, charge.billNum, 0]);
    assert.ok(charged[HANDED_OUT[channel]].length > 0);
    assert.equal((await maxpay.charge(charge)).id, charged.id, "the same charge is the same transaction");
    await play(charged);

    const { headers, body } = await webhook.about(charge.billNum);
    const event = await verifyWebhook(body, headers, options());
    assert.deepEqual(verifyWebhookSync(body, headers, options()), event);
    assert.deepEqual([event.event, event.status, event.totalFee, event.extras], ["payment.success", "success", 9900, { table: "7" }]);
    assert.equal(event.messageId, headers["webhook-id"]);

    const [record] = await maxpay.records({ billNum: charge.billNum });
    assert.deepEqual([record.id, record.status, record.money, record.channel], [charged.id, "success", "¥ 99.00", channel]);

    const first = await maxpay.refund({ billNum: charge.billNum, refundNum: `${charged.id}-1`, refundFee: 900, reason: "cold" });
    const again = await maxpay.refund({ billNum: charge.billNum, refundNum: `${charged.id}-1`, refundFee: 900, reason: "cold" });
    assert.deepEqual([again.refundNum, again.createdTime], [first.refundNum, first.createdTime], "the same number moves money once");
    await maxpay.refund({ billNum: charge.billNum, refundNum: `${charged.id}-2`, refundFee: 9000 });
    const told = await webhook.about(charge.billNum, "refund.success");
    const back = verifyWebhookSync(told.body, told.headers, options());
    assert.deepEqual([back.event, back.billNum], ["refund.success", charge.billNum]);
    await maxpay.sync({ billNum: charge.billNum });
    const refunds = [];
    for await (const refund of maxpay.eachRefund({ billNum: charge.billNum })) refunds.push([refund.refundNum, refund.refundFee]);
    assert.deepEqual(refunds, [[`${charged.id}-1`, 900], [`${charged.id}-2`, 9000]]);
    assert.equal((await maxpay.refunds({ refundNum: `${charged.id}-2` }))[0].billNum, charge.billNum);
  });
}

for (const channel of CHANNELS) {
  test(`${channel} is closed unpaid`, async () => {
    const { billNum } = await maxpay.charge(chargeOn(channel));
    const record = await maxpay.close({ billNum, channel });
    assert.deepEqual([record.billNum, record.status], [billNum, "closed"]);
    const { headers, body } = await webhook.about(billNum, "payment.closed");
    assert.equal((await verifyWebhook(body, headers, options())).event, "payment.closed");
  });
}

test("a client key charges and asks by the bill's number, and so does a session token", async () => {
  const { token } = await maxpay.session({ ttlSeconds: 60, userId: "7" });
  for (const payer of [client(), client({ clientKey: undefined, sessionToken: token })]) {
    const charged = await payer.charge(chargeOn("wx_native"));
    await play(charged);
    await webhook.about(charged.billNum);
    assert.equal((await payer.records({ billNum: charged.billNum }))[0].status, "success");
  }
});

test("sync finds a payment whose notify is not there yet", async () => {
  const charged = await maxpay.charge(chargeOn("ali_qrcode"));
  await play(charged);
  assert.equal((await maxpay.sync({ billNum: charged.billNum }))[0].status, "success");
});

test("while its secret is changed, a webhook is verified with the new and with the old one", async () => {
  const hearing = await hear(["payment.success"]);
  try {
    const { secret } = await hearing.rotate();
    const charged = await maxpay.charge(chargeOn("ali_qrcode", newBill("rotated")));
    await play(charged);
    const { headers, body } = await hearing.about(charged.billNum);
    for (const secrets of [[secret], [hearing.secret], [secret, hearing.secret]]) {
      assert.equal(verifyWebhookSync(body, headers, { secrets }).billNum, charged.billNum);
    }
  } finally {
    await hearing.end();
  }
});
