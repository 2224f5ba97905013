// Buys in the sample shop, on a PC, on a phone, inside WeChat and inside Alipay, by every channel that a page can offer.
// MAXPAY_SHOTS names a folder for pictures of what the visitors see.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as orders from "../examples/shop/orders.js";
import { SURROUNDINGS, launch, skip } from "./browsers.js";
import { run } from "./examples.js";
import { bodyOf, eventually, listen, play, server, stack } from "./support.js";
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

inShop("checkout on a pc: paid at a provider's page, and back to an order that is paid", "pc", async (page, shot) => {
  const id = await order(page);
  await choose(page, "checkout");
  await page.waitForURL(`${stack.url}/pay/*`);
  await shot("4-checkout");
  await page.click("form[action$='/ali_web'] button");
  await payAtCashier(page);
  await page.waitForURL(`${shop.url}/orders/${id}?*maxpay_status=success*`);
  await sendBack(page, id);
});

inShop("checkout on a phone: the payer leaves, is told so, and pays by another channel", "phone", async (page) => {
  const id = await order(page);
  await choose(page, "checkout");
  await page.waitForURL(`${stack.url}/pay/*`);
  await page.click("form[action$='/leave'] button");
  await page.waitForURL(`${shop.url}/orders/${id}?*maxpay_status=cancel*`);
  await page.waitForFunction(() => document.querySelector("#note")?.textContent === "付款已取消，可以重新支付");
  await choose(page, "ali_wap");
  await payAtCashier(page);
  await page.waitForURL(`${shop.url}/orders/${id}*`);
  await sendBack(page, id);
});

test("a result that nobody signed is unknown to the shop", { skip }, async () => {
  const { id } = await newOrder();
  const made = await post(`orders/${id}/came`, { query: `?maxpay_status=success&maxpay_bill=${id}&maxpay_sign=${"0".repeat(64)}` });
  assert.deepEqual([made.status], ["unknown"]);
});

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
  const paid = { event: "payment.success", billNum: order.id, totalFee: 6800, id: "1", endTime: 1 };
  orders.hear({ ...paid, totalFee: 1 });
  orders.hear({ ...paid, event: "payment.closed" });
  assert.equal(order.status, "unpaid");
  orders.hear(paid);
  orders.hear({ ...paid, id: "2" });
  assert.deepEqual([order.status, order.transaction], ["paid", "1"]);
  orders.hear({ event: "refund.success", id: "1", billNum: order.id, refundedFee: 6800 });
  orders.hear({ event: "refund.success", id: "1", billNum: order.id, refundedFee: 800 });
  orders.hear(paid);
  assert.deepEqual([order.status, order.refundedFee], ["refunded", 6800]);
  orders.hear({ ...paid, billNum: "of somebody else's" });
});

test("of an order that was paid twice the payment counts that the gateway says, in whatever order the events come", () => {
  for (const place of [0, 1]) {
    const { id: billNum } = orders.make({ longjing: 1 });
    const events = [
      { event: "payment.success", billNum, id: "2", totalFee: 6800, endTime: 1 },
      { event: "payment.duplicate", billNum, id: "2", totalFee: 6800, duplicateOf: "1" },
    ];
    for (const event of [events[place], events[1 - place]]) orders.hear(event);
    orders.hear({ event: "refund.success", billNum, id: "2", refundedFee: 6800 });
    const { status, transaction, refundedFee } = orders.find(billNum);
    assert.deepEqual([status, transaction, refundedFee], ["paid", "1", 0]);
  }
});

const post = async (path, body = {}, where = shop) => {
  const answer = await fetch(`${where.url}/api/${path}`, { method: "POST", body: JSON.stringify(body) });
  return { status: answer.status, ...(await answer.json()) };
};
const newOrder = async (where) => {
  const { id } = await post("orders", { items: { longjing: 1 } }, where);
  const become = (status) => eventually(`the order to be ${status}`, async () => (await (await fetch(`${(where ?? shop).url}/api/orders/${id}`)).json()).status === status);
  return { id, become };
};

test("who chooses another channel cannot pay by the first one", { skip }, async () => {
  const { id, become } = await newOrder();
  const first = await post(`orders/${id}/pay`, { channel: "wx_native" });
  const second = await post(`orders/${id}/pay`, { channel: "ali_qrcode" });
  const records = await server().records({ billNum: id });
  assert.deepEqual(records.map(({ channel, status }) => `${channel} ${status}`).sort(), ["ali_qrcode created", "wx_native closed"]);
  await assert.rejects(play(first));
  await play(second);
  await become("paid");
});

test("an order that was paid meanwhile is not charged on another channel", { skip }, async () => {
  const { id, become } = await newOrder();
  const first = await post(`orders/${id}/pay`, { channel: "ali_qrcode" });
  await play(first);
  assert.equal((await post(`orders/${id}/pay`, { channel: "wx_native" })).status, 409);
  await become("paid");
  assert.equal((await server().records({ billNum: id })).length, 1);
});

test("an order that was paid twice gets the second payment back, and can be refunded", { skip }, async () => {
  const { id, become } = await newOrder();
  // UnionPay cannot close an order, so the payer still can pay there.
  const first = await post(`orders/${id}/pay`, { channel: "unipay_web" });
  const second = await post(`orders/${id}/pay`, { channel: "wx_native" });
  await play(second);
  await become("paid");
  await play(first);
  const states = async () => Object.fromEntries((await server().records({ billNum: id })).map(({ channel, status }) => [channel, status]));
  await eventually("the second payment to go back", async () => (await states()).unipay_web === "refund");
  assert.deepEqual(await states(), { unipay_web: "refund", wx_native: "success" });
  await post(`orders/${id}/refund`);
  await become("refunded");
  assert.deepEqual(await states(), { unipay_web: "refund", wx_native: "refund" });
});

test("a refund whose answer is lost after its webhook came stays a refund", { skip }, async () => {
  let became = () => {};
  const road = await listen(async (request, response) => {
    const { host, connection, ...headers } = request.headers;
    const body = request.method === "GET" ? undefined : await bodyOf(request);
    const answer = await fetch(`${stack.url}${request.url}`, { method: request.method, headers, body });
    const text = await answer.text();
    if (!request.url.endsWith("/refund")) return response.writeHead(answer.status, { "Content-Type": "application/json" }).end(text);
    await became("refunded");
    return request.socket.destroy();
  });
  const far = await run("shop/server.js", { url: road.url });
  try {
    const { id, become } = await newOrder(far);
    became = become;
    await play(await post(`orders/${id}/pay`, { channel: "ali_qrcode" }, far));
    await become("paid");
    assert.equal((await post(`orders/${id}/refund`, {}, far)).status, 502);
    await become("refunded");
  } finally {
    await far.end();
    await road.close();
  }
});

inShop("a cart that nobody can read is empty, and an order that is refused can be tried again", "pc", async (page) => {
  for (const cart of ["{", "[]", "null", '{"longjing":"x","oolong":-1,"puer":1.5}', "7"]) {
    await page.evaluate((cart) => localStorage.setItem("cart", cart), cart);
    await page.goto(`${shop.url}/cart`);
    await page.waitForSelector(".empty");
  }
  await page.goto(shop.url);
  await page.click("[data-product=longjing] button");
  await page.click("header a.cart");
  await page.route("**/api/orders", (route) => route.fulfill({ status: 503, body: "{}" }), { times: 1 });
  const said = page.waitForEvent("dialog");
  await page.click("#checkout");
  assert.equal((await said).message(), "操作失败，请稍后再试");
  await page.click("#checkout");
  await page.waitForSelector("#status[data-status=unpaid]");
});

inShop("a shop's server that is in trouble for a moment is asked again", "pc", async (page) => {
  const id = await order(page);
  await choose(page, "ali_qrcode");
  await page.waitForSelector("#qr svg");
  // Two ask: the page of the order, and that of the code.
  await page.route(`**/api/orders/${id}`, (route) => route.fulfill({ status: 502, body: "<html>" }), { times: 4 });
  const [{ id: transaction }] = await server().records({ billNum: id });
  await play({ channel: "ali_qrcode", id: transaction });
  await page.waitForSelector("#status[data-status=paid]");
});

// The last one, because it fills the orders of this process.
test("a shop that is full takes no more orders, and forgets none", () => {
  const first = orders.make({ longjing: 1 });
  for (let count = 0; count < 10_000 && !orders.areFull(); count += 1) orders.make({ longjing: 1 });
  assert.ok(orders.areFull());
  assert.equal(orders.find(first.id), first);
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
