// Pages of records: each one once, however many there are and however many bear the same moment.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { MaxPay } from "maxpay";
import { bodyOf, chargeOn, listen, operator, stack } from "./support.js";

const BILLS = 230;
let maxpay;
let bills;

before(async () => {
  const app = await operator("POST", "/apps", { name: "many" });
  await operator("PUT", `/apps/${app.appId}/channels/ali?mode=test`, { protocol: "simulator" });
  maxpay = new MaxPay({ url: stack.url, appId: app.appId, masterKey: app.test.masterKey });
  bills = Array.from({ length: BILLS }, (_, number) => `many-${number}`);
  // Twenty at once, so that several bear the same moment.
  for (let at = 0; at < BILLS; at += 20) await Promise.all(bills.slice(at, at + 20).map((bill) => maxpay.charge(chargeOn("ali_app", bill))));
});

async function all(query) {
  const found = [];
  for await (const record of maxpay.eachRecord(query)) found.push(record);
  return found;
}

for (const order of ["-createdTime", "createdTime"]) {
  test(`each record comes once, ordered by ${order}`, async () => {
    const found = await all({ order, status: "created" });
    assert.deepEqual(found.map((record) => record.billNum).sort(), [...bills].sort());
    const times = found.map((record) => record.createdTime);
    const sorted = [...times].sort((one, other) => (order === "createdTime" ? one - other : other - one));
    assert.deepEqual(times, sorted);
  });
}

test("the bounds of a query stay", async () => {
  const [newest] = await maxpay.records({ limit: 1 });
  const found = await all({ startTime: newest.createdTime });
  assert.ok(found.length >= 1 && found.every((record) => record.createdTime >= newest.createdTime));
  assert.deepEqual(await all({ endTime: 1 }), []);
});

test("who stops early asks for no more pages", async () => {
  const asked = [];
  const counting = await listen(async (request, response) => {
    asked.push(JSON.parse(await bodyOf(request)));
    const results = Array.from({ length: 100 }, (_, number) => ({ id: String(number), createdTime: 5 }));
    response.end(JSON.stringify({ code: 0, msg: "OK", results }));
  });
  const slow = new MaxPay({ url: counting.url, appId: stack.appId, masterKey: "m" });
  for await (const record of slow.eachRecord()) if (record.id === "3") break;
  assert.equal(asked.length, 1);
  // A gateway that gave the same page for ever would end the loop, too.
  let seen = 0;
  for await (const record of slow.eachRecord()) seen += record.createdTime / 5;
  assert.deepEqual([seen, asked.length, asked[2].skip, asked[2].endTime], [100, 3, 100, 5]);
  await counting.close();
});
