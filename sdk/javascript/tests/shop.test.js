// Buys in the sample shop, on a PC, on a phone, inside WeChat and inside Alipay, by every channel that a page can offer.
// MAXPAY_SHOTS names a folder for pictures of what the visitors see.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as orders from "../examples/shop/orders.js";
import { SURROUNDINGS, launch, skip } from "./browsers.js";
import { run } from "./examples.js";
import { play, server } from "./support.js";
import { alipayBridge, payAtCashier, weixinBridge } from "./wallets.js";

const { MAXPAY_SHOTS } = process.env;

let browser;
let shop;
before(async () => { if (!skip) [browser, shop] = await Promise.all([launch(), run("shop/server.js")]); });
after(async () => { await browser?.close(); await shop?.end(); });

function inShop(name, surroundings, visit, more = {}) {
  test(name, { skip }, async () => {
    const context = await browser.newContext({ locale: "zh-CN", ...SURROUNDINGS[surroundings], ...more });
    const page = await context.newPage();
    const wrong = [];
    page.on("pageerror", (error) => wrong.push(String(error)));
    page.on("dialog", (dialog) => dialog.accept());
    page.setDefaultTimeout(20_000);
    const shot = (what) => MAXPAY_SHOTS && page.screenshot({ path: `${MAXPAY_SHOTS}/${surroundings}-${what}.png`, fullPage: true });
    try {
      await page.goto(shop.url);
      await visit(page, shot, context);
      assert.deepEqual(wrong, []);
    } finally {
      await context.close();
    }
  });
}

/** Two teas into the cart, and one of them taken out again: 68.00 and 88.00 are left. */
async function order(page, shot) {
  for (const product of ["longjing", "oolong", "oolong"]) await page.click(`[data-product=${product}] button`);
  await shot?.("1-shelf");
  await page.click("header a.cart");
  await page.click("[aria-label='减少: 高山乌龙']");
  await page.waitForFunction(() => document.querySelector(".sum strong")?.textContent === "¥ 156.00");
  await shot?.("2-cart");
  await page.click("#checkout");
  await page.waitForSelector("#status[data-status=unpaid]");
  await shot?.("3-order");
  return page.url().split("/").pop();
}

async function choose(page, channel) {
  await page.check(`input[value=${channel}]`);
  await page.click("#pay");
}

async function sendBack(page, id, shot) {
  await page.waitForSelector("#status[data-status=paid]");
  await shot?.("5-paid");
  await page.click("#refund");
  await page.waitForSelector("#status[data-status=refunded]");
  await shot?.("6-refunded");
  const [record] = await server().records({ billNum: id });
  assert.deepEqual([record.status, record.totalFee, record.refundedFee], ["refund", 15_600, 15_600]);
}

for (const [surroundings, channels] of [["pc", ["ali_web", "unipay_web"]], ["phone", ["ali_wap", "wx_h5", "unipay_web"]]]) {
  for (const channel of channels) {
    inShop(`${channel} on a ${surroundings}: at the provider's page, and back to an order that is paid and then refunded`, surroundings, async (page, shot) => {
      const take = channel === channels[0] ? shot : undefined;
      const id = await order(page, take);
      await choose(page, channel);
      await payAtCashier(page);
      await page.waitForURL(`${shop.url}/orders/${id}*`);
      await sendBack(page, id, take);
    });
  }
}

for (const channel of ["wx_native", "ali_qrcode"]) {
  inShop(`${channel} on a pc: a code is shown, and the page turns to paid by itself`, "pc", async (page, shot) => {
    const id = await order(page);
    await choose(page, channel);
    await page.waitForSelector("#qr svg");
    await shot(`4-${channel}`);
    const [{ id: transaction }] = await server().records({ billNum: id });
    await play({ channel, id: transaction });
    await sendBack(page, id);
  });
}

inShop("wx_jsapi inside WeChat: first cancelled, then paid", "wechat", async (page, shot, context) => {
  const id = await order(page);
  await weixinBridge(page, context, "cancel");
  await choose(page, "wx_jsapi");
  await page.waitForFunction(() => document.querySelector("#note").textContent === "付款已取消，可以重新支付");
  await shot("4-cancelled");
  await weixinBridge(page, context, "ok");
  await choose(page, "wx_jsapi");
  await sendBack(page, id);
});

inShop("ali_app inside Alipay", "alipay", async (page, shot, context) => {
  const id = await order(page);
  await alipayBridge(page, context, "9000");
  await choose(page, "ali_app");
  await sendBack(page, id);
});

inShop("a visitor who reads English changes the language, and an order that is not there is told", "pc", async (page, shot) => {
  await page.click("#language");
  await page.waitForSelector("text=Add to cart");
  await shot("7-english");
  await page.goto(`${shop.url}/orders/${"0".repeat(32)}`);
  await page.waitForSelector("text=There is no such order");
  await page.goto(`${shop.url}/cart`);
  await page.waitForSelector("text=Your cart is empty");
});

test("an order hears each event for what it says, however often and in whatever order they come", () => {
  const order = orders.make({ longjing: 1 });
  const paid = { event: "payment.success", billNum: order.id, totalFee: 6800, channel: "ali_web", endTime: 1 };
  orders.hear({ ...paid, totalFee: 1 });
  orders.hear({ ...paid, event: "payment.closed" });
  assert.equal(order.status, "unpaid");
  orders.hear(paid);
  orders.hear({ ...paid, channel: "wx_native" });
  assert.deepEqual([order.status, order.channel], ["paid", "ali_web"]);
  orders.hear({ event: "refund.success", billNum: order.id, refundedFee: 6800 });
  orders.hear({ event: "refund.success", billNum: order.id, refundedFee: 800 });
  orders.hear(paid);
  assert.deepEqual([order.status, order.refundedFee], ["refunded", 6800]);
  orders.hear({ ...paid, billNum: "of somebody else's" });
});

test("the shop's server believes no page: prices, channels and states are its own", { skip }, async () => {
  const post = async (path, body) => (await fetch(`${shop.url}/api/${path}`, { method: "POST", body: JSON.stringify(body) })).status;
  assert.equal(await post("orders", { items: { longjing: 1.5 } }), 400);
  assert.equal(await post("orders", { items: { longjing: -1, gold: 1 } }), 400);
  const made = await (await fetch(`${shop.url}/api/orders`, { method: "POST", body: JSON.stringify({ items: { longjing: 2 }, totalFee: 1 }) })).json();
  assert.equal(made.totalFee, 13_600);
  assert.equal(await post(`orders/${made.id}/pay`, { channel: "applepay_upacp" }), 400);
  assert.equal(await post(`orders/${made.id}/refund`, {}), 409);
  assert.equal((await fetch(`${shop.url}/webhook`, { method: "POST", body: "{}" })).status, 400);
  for (const path of ["maxpay/..%2fpackage.json", "maxpay/..%2f..%2fpackage.json", "..%2fserver.js", "none.js"]) {
    assert.equal((await fetch(`${shop.url}/${path}`)).status, 404, path);
  }
});
