// The example backend, as a developer runs it: it charges, hears of the payment, and the order turns to paid.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { run } from "./examples.js";
import { eventually, play } from "./support.js";

let shop;
before(async () => { shop = await run("backend.js"); });
after(() => shop.end());

const json = async (path, sent) => (await fetch(`${shop.url}${path}`, sent)).json();

test("an order turns to paid when the webhook tells of it", async () => {
  const charged = await json("/orders", { method: "POST" });
  assert.equal(charged.channel, "wx_native");
  assert.equal((await json(`/orders/${charged.billNum}`)).status, "unpaid");
  await play(charged);
  await eventually("the order to be paid", async () => (await json(`/orders/${charged.billNum}`)).status === "paid");
});

test("an example whose port is taken leaves the other one its webhook", async () => {
  await assert.rejects(run("shop/server.js", { port: Number(new URL(shop.url).port) }), /EADDRINUSE/);
  const charged = await json("/orders", { method: "POST" });
  await play(charged);
  await eventually("the order to be paid", async () => (await json(`/orders/${charged.billNum}`)).status === "paid");
});

test("a webhook that nobody signed is refused", async () => {
  const forged = await fetch(`${shop.url}/webhook`, { method: "POST", body: '{"billNum":"1"}' });
  assert.deepEqual([forged.status, await forged.text()], [400, "WebhookError\n"]);
  assert.equal((await fetch(`${shop.url}/orders/none`)).status, 404);
});

test("the backend is short", async () => {
  const lines = (await readFile(new URL("../examples/backend.js", import.meta.url), "utf8")).trimEnd().split("\n");
  assert.ok(lines.length < 60, `${lines.length} lines`);
});
