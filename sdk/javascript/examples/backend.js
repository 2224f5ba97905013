// A shop's backend in one file: it charges, hears of the payment, and says what became of an order.
//
//     node examples/local.js examples/backend.js           with the local stack on this machine
//     curl -X POST localhost:3000/orders                   the answer has a QR code's text, and the order's number
//     curl localhost:3000/orders/<number>

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { MaxPay, MaxPayError, verifyWebhook } from "maxpay";

const { MAXPAY_URL, MAXPAY_APP_ID, MAXPAY_MASTER_KEY, MAXPAY_WEBHOOK_SECRET, PORT = "3000" } = process.env;
const maxpay = new MaxPay({ url: MAXPAY_URL, appId: MAXPAY_APP_ID, masterKey: MAXPAY_MASTER_KEY });
// Your database.
const orders = new Map();

async function bodyOf(request) {
  let body = Buffer.alloc(0);
  for await (const part of request) {
    body = Buffer.concat([body, part]);
    if (body.length > 65_536) throw new Error("a body of more than 64 KiB");
  }
  return body;
}

// The price is the server's. What comes back goes to the browser as it is, for `pay`.
async function makeOrder() {
  const order = { billNum: randomUUID(), totalFee: 6800, status: "unpaid" };
  orders.set(order.billNum, order);
  return maxpay.charge({ channel: "wx_native", billNum: order.billNum, totalFee: order.totalFee, subject: "A tin of tea" });
}

// The same event may come twice, and events may overtake each other: an order is paid once, and stays so.
async function hear(request) {
  const options = { secrets: [MAXPAY_WEBHOOK_SECRET], masterKeys: [MAXPAY_MASTER_KEY], appId: MAXPAY_APP_ID };
  const event = await verifyWebhook(await bodyOf(request), request.headers, options);
  const order = orders.get(event.billNum);
  if (event.event === "payment.success" && order?.totalFee === event.totalFee) order.status = "paid";
  return {};
}

async function answer(request) {
  const [, place, billNum] = request.url.split("/");
  if (request.method === "POST" && place === "orders") return makeOrder();
  if (request.method === "POST" && place === "webhook") return hear(request);
  return orders.get(billNum);
}

createServer(async (request, response) => {
  try {
    const body = await answer(request);
    response.writeHead(body ? 200 : 404, { "Content-Type": "application/json" }).end(JSON.stringify(body ?? {}));
  } catch (error) {
    console.error(error);
    response.writeHead(error instanceof MaxPayError ? 400 : 500).end(`${error.name}\n`);
  }
}).listen(Number(PORT), "127.0.0.1", () => console.log(`The shop is at http://127.0.0.1:${PORT}`));
