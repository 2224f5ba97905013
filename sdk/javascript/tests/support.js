// What the tests share: the running stack, a payer, and a shop's server that hears webhooks.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after } from "node:test";
import { MaxPay } from "maxpay";

function required(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set: run tests/sdk/run javascript`);
  return value;
}

export const stack = {
  url: required("MAXPAY_URL"),
  appId: required("MAXPAY_APP_ID"),
  clientKey: required("MAXPAY_CLIENT_KEY"),
  masterKey: required("MAXPAY_MASTER_KEY"),
  operatorToken: required("MAXPAY_OPERATOR_TOKEN"),
};

export const CHANNELS = [
  "ali_app", "ali_web", "ali_wap", "ali_qrcode",
  "wx_app", "wx_jsapi", "wx_native", "wx_h5", "wx_lite",
  "unipay_app", "unipay_web", "applepay_upacp",
];
export const RETURN_URL = `${stack.url}/_local/returned`;
const NEEDS = {
  ali_web: { returnUrl: RETURN_URL },
  ali_qrcode: { returnUrl: RETURN_URL },
  unipay_web: { returnUrl: RETURN_URL },
  wx_jsapi: { openid: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" },
  wx_lite: { openid: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" },
  wx_h5: { clientIp: "203.0.113.7" },
};

export const server = (more = {}) => new MaxPay({ url: stack.url, appId: stack.appId, masterKey: stack.masterKey, ...more });
export const client = (more = {}) => new MaxPay({ url: stack.url, appId: stack.appId, clientKey: stack.clientKey, ...more });

let made = 0;
/** A bill number that no other run has. */
export const newBill = (name = "b") => `${name}-${process.pid}-${Date.now()}-${(made += 1)}`;

/** A charge with just what its channel needs. */
export const chargeOn = (channel, billNum = newBill(channel), totalFee = 9900) => ({
  channel, billNum, totalFee, subject: "A cup of tea 一杯茶", ...NEEDS[channel],
});

/** What the stack itself answers, without any SDK. */
export async function ask(method, path, body, headers = {}) {
  const sent = { method, headers: { "Content-Type": "application/json", ...headers } };
  const answer = await fetch(`${stack.url}${path}`, body === undefined ? sent : { ...sent, body: JSON.stringify(body) });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}

export const operator = (method, path, body) => ask(method, `/admin/v1${path}`, body, { Authorization: `Bearer ${stack.operatorToken}` });

const DOORS = { ali: "alipay/trades", wx: "wechat/trades", unipay: "unionpay/orders", applepay: "unionpay/orders" };

/** Plays the payer. */
export const play = ({ channel, id }, action = "pay") => ask("POST", `/_local/simulator/${DOORS[channel.split("_")[0]]}/${id}/${action}`, {});

/** Waits until `find` gives something, 20 s at the most. */
export async function eventually(what, find) {
  for (const until = Date.now() + 20_000; Date.now() < until; await new Promise((go) => setTimeout(go, 20))) {
    const found = await find();
    if (found) return found;
  }
  return assert.fail(`waited in vain: ${what}`);
}

const listening = new Set();
// A test that failed has closed nothing, and an open server keeps Node from ending.
after(() => Promise.all([...listening].map((server) => server.end())));

/** A server of the test's own on a free port. */
export async function listen(answer) {
  const server = createServer(answer);
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  server.end = () => new Promise((closed) => { server.close(closed); server.closeAllConnections(); listening.delete(server); });
  listening.add(server);
  return { url: `http://127.0.0.1:${server.address().port}`, close: server.end };
}

export async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

/** A webhook of the demo app with a server behind it. `heard` has the requests as they came. */
export async function hear(events) {
  const heard = [];
  const shop = await listen(async (request, response) => {
    heard.push({ headers: request.headers, body: await bodyOf(request) });
    response.end();
  });
  const path = `/apps/${stack.appId}/webhooks`;
  const { id, secret } = await operator("POST", path, { target: { url: `${shop.url}/webhook` }, mode: "test", events });
  return {
    heard,
    secret,
    /** The request that tells of this bill and event. */
    about: (billNum, event = "payment.success") => eventually(`${event} of ${billNum}`, () => heard.find(({ body }) => {
      const told = JSON.parse(body);
      return told.billNum === billNum && (told.event ?? "payment.success") === event;
    })),
    rotate: () => operator("POST", `${path}/${id}/secret/rotate`, {}),
    async end() {
      await operator("DELETE", `${path}/${id}`);
      await shop.close();
    },
  };
}
