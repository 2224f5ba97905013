// A sample shop: products, a cart, an order that is paid by any channel on phone and PC, and a refund.
//
//     npm run shop                      with the local stack on this machine
//
// MAXPAY_CHANNELS names the channels that your app has settings for, if it has not all.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { MaxPay, MaxPayError, ParamInvalidError, ResultError, WebhookError, verifyResult, verifyWebhook } from "maxpay";
import * as orders from "./orders.js";

const { MAXPAY_URL, MAXPAY_APP_ID, MAXPAY_MASTER_KEY, MAXPAY_WEBHOOK_SECRET, PORT = "3001", SHOP_URL = `http://127.0.0.1:${PORT}` } = process.env;
// `checkout` is the gateway's own page, with all wallets; the others are channels.
const CHANNELS = (process.env.MAXPAY_CHANNELS ?? "checkout,ali_web,ali_qrcode,ali_wap,ali_app,wx_native,wx_h5,wx_jsapi,unipay_web").split(",");
const maxpay = new MaxPay({ url: MAXPAY_URL, appId: MAXPAY_APP_ID, masterKey: MAXPAY_MASTER_KEY });
const BODY_BYTES_MAX = 65_536;

/** What goes wrong because of what was asked. */
class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function bodyOf(request) {
  let body = Buffer.alloc(0);
  for await (const part of request) {
    body = Buffer.concat([body, part]);
    if (body.length > BODY_BYTES_MAX) throw new Refusal(413, "too long");
  }
  return body;
}

async function jsonOf(request) {
  try {
    return JSON.parse(await bodyOf(request)) ?? {};
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal(400, "not JSON");
  }
}

function orderOf(id) {
  const order = orders.find(id);
  if (!order) throw new Refusal(404, "no such order");
  return order;
}

async function makeOrder(request) {
  if (orders.areFull()) throw new Refusal(503, "no more orders today");
  const order = orders.make((await jsonOf(request)).items);
  if (!order) throw new Refusal(400, "nothing that can be ordered");
  return order;
}

/** The payer's id, as WeChat's sign-in gives it. This sample has no sign-in, and the local stack takes any payer. */
const openidOf = () => "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";

/** Charges the order. The page gets what comes back as it is, for `pay`; no key of the gateway's is in it. */
async function pay(request, id) {
  const order = orderOf(id);
  const { channel } = await jsonOf(request);
  if (!CHANNELS.includes(channel)) throw new Refusal(400, "this shop has no such channel");
  if (order.status !== "unpaid") throw new Refusal(409, "this order is not to be paid");
  try {
    if (order.open && order.open !== channel) await closeOpen(order);
    return channel === "checkout" ? await checkout(order) : await charge(request, order, channel);
  } catch (error) {
    if (error instanceof ParamInvalidError && (await isPaid(order))) throw new Refusal(409, "this order is paid already");
    throw error;
  }
}

/** The webhook may come later than the visitor's next click, so the gateway is asked. */
async function isPaid(order) {
  const tries = await maxpay.records({ billNum: order.id });
  return tries.some(({ status }) => status === "success");
}

async function charge(request, order, channel) {
  const charged = await maxpay.charge({
    channel,
    billNum: order.id,
    totalFee: order.totalFee,
    subject: `山间茶铺 订单 ${order.id.slice(0, 8)}`,
    returnUrl: `${SHOP_URL}/orders/${order.id}`,
    openid: openidOf(request),
    // Behind a proxy it is what the proxy says.
    clientIp: request.socket.remoteAddress,
  });
  order.open = channel;
  return charged;
}

/** One page for all wallets, which the visitor's browser goes to. */
async function checkout(order) {
  const { url } = await maxpay.checkout({
    billNum: order.id,
    totalFee: order.totalFee,
    subject: `山间茶铺 订单 ${order.id.slice(0, 8)}`,
    returnUrl: `${SHOP_URL}/orders/${order.id}`,
  });
  order.open = "checkout";
  return { url };
}

/** What the visitor's browser brings back from the checkout, verified: good for the next thing to show. The order is paid when the webhook says so. */
async function came(request, id) {
  const { query } = await jsonOf(request);
  try {
    const { billNum, status } = await verifyResult(String(query), { masterKeys: [MAXPAY_MASTER_KEY], appId: MAXPAY_APP_ID });
    return { status: billNum === orderOf(id).id ? status : "unknown" };
  } catch (error) {
    // An old page that is loaded again, or a made-up address.
    if (error instanceof ResultError) return { status: "unknown" };
    throw error;
  }
}

/** The visitor chose another channel. What was shown before, such as a QR code, could still be paid: then the order would be paid twice. */
async function closeOpen(order) {
  const tries = await maxpay.records({ billNum: order.id, status: "created" });
  for (const { channel } of tries) await maxpay.close({ billNum: order.id, channel });
}

/** A real shop asks who wants that. The same number moves the money once, however often this is called. */
async function refund(_, id) {
  const order = orderOf(id);
  if (order.status !== "paid") throw new Refusal(409, "this order is not to be refunded");
  order.status = "refunding";
  try {
    const { id: billNum, transaction, totalFee } = order;
    const { status } = await maxpay.refund({ billNum, id: transaction, refundNum: order.id, refundFee: totalFee, reason: "不想要了" });
    if (status === "success") orders.backIs(order, order.totalFee);
  } catch (error) {
    // The webhook may have told of the refund meanwhile, when the answer was lost.
    if (order.status === "refunding") order.status = "paid";
    throw error;
  }
  return order;
}

async function hear(request) {
  const options = { secrets: [MAXPAY_WEBHOOK_SECRET], masterKeys: [MAXPAY_MASTER_KEY], appId: MAXPAY_APP_ID };
  const event = await verifyWebhook(await bodyOf(request), request.headers, options);
  orders.hear(event);
  if (event.event === "payment.duplicate" && orders.find(event.billNum)) await sendBack(event);
  return {};
}

/** Not every provider can close what was shown, so an order can be paid twice. If this fails, the event comes again. An app can be set to do it by itself. */
function sendBack({ billNum, id, totalFee }) {
  return maxpay.refund({ billNum, id, refundNum: id, refundFee: totalFee, reason: "重复支付" });
}

const ROUTES = {
  "GET products": () => orders.PRODUCTS,
  "GET channels": () => CHANNELS,
  "POST orders": makeOrder,
  "GET orders/": (_, id) => orderOf(id),
  "POST orders/pay": pay,
  "POST orders/came": came,
  "POST orders/refund": refund,
  "POST webhook": hear,
};

const TYPES = { html: "text/html", css: "text/css", js: "text/javascript", mjs: "text/javascript", svg: "image/svg+xml" };
/** Where the files of a page are. A shop of yours has a bundler in place of the last two. */
const FOLDERS = { "": "./public/", maxpay: "../../dist/", "lean-qr": "../../node_modules/lean-qr/" };

async function fileOf(path) {
  const wanted = /^\/(cart|orders\/[0-9a-f]{32})?$/.test(path) ? "/index.html" : path;
  const [, folder = "", name] = /^\/(?:(maxpay|lean-qr)\/)?((?:[\w-]+\/)*[\w-]+\.\w+)$/.exec(wanted) ?? [];
  const file = new URL(`${FOLDERS[folder]}${name}`, import.meta.url);
  const content = name && (await readFile(file).catch(() => undefined));
  if (!content) throw new Refusal(404, "no such page");
  return { content, type: TYPES[file.pathname.split(".").pop()] ?? "application/octet-stream" };
}

async function answer(request) {
  const { pathname } = new URL(request.url, SHOP_URL);
  const [, isApi, kind, id, verb] = /^\/(api\/)?(\w+)(?:\/([0-9a-f]{32}))?(?:\/(\w+))?$/.exec(pathname) ?? [];
  const route = isApi || kind === "webhook" ? ROUTES[`${request.method} ${kind}${id ? `/${verb ?? ""}` : ""}`] : undefined;
  if (route) return { content: JSON.stringify(await route(request, id)), type: "application/json" };
  return fileOf(pathname);
}

createServer(async (request, response) => {
  try {
    const { content, type } = await answer(request);
    response.writeHead(200, { "Content-Type": `${type}; charset=utf-8`, "Cache-Control": "no-store" }).end(content);
  } catch (error) {
    const status = error.status >= 400 ? error.status : error instanceof WebhookError ? 400 : 502;
    console.error(`${request.method} ${request.url}: ${error.message}`);
    // What the gateway says is for the shop's people, and not for its visitors.
    const told = error instanceof Refusal ? error.message : error instanceof MaxPayError ? error.name : "Error";
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify({ error: told }));
  }
}).listen(Number(PORT), "127.0.0.1", () => console.log(`The shop is at ${SHOP_URL}`));
