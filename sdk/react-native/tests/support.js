// What the tests share: the running stack, a payer, and React Native's own fetch.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { beforeEach } from "node:test";
import { AppState, Platform, phone } from "./react-native.js";
import { XMLHttpRequest } from "./xhr.js";

globalThis.XMLHttpRequest = XMLHttpRequest;
// The package that React Native's fetch is.
const { default: reactNative } = await import("whatwg-fetch");

function required(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set: run tests/sdk/run react-native`);
  return value;
}

export const stack = {
  url: required("MAXPAY_URL"),
  appId: required("MAXPAY_APP_ID"),
  clientKey: required("MAXPAY_CLIENT_KEY"),
  masterKey: required("MAXPAY_MASTER_KEY"),
};
export const who = { url: stack.url, appId: stack.appId, clientKey: stack.clientKey, fetch: reactNative.fetch };
export { AppState, Platform, phone };

beforeEach(() => {
  Platform.OS = "android";
  phone.calls.length = 0;
  phone.wallet = async () => ({ word: "success" });
});

let made = 0;
/** A bill number that no other run has. */
export const newBill = () => `rn-${process.pid}-${Date.now()}-${(made += 1)}`;
export const chargeOn = (channel, billNum = newBill()) => ({ channel, billNum, totalFee: 9900, subject: "A cup of tea 一杯茶" });

const DOORS = { ali: "alipay/trades", wx: "wechat/trades", unipay: "unionpay/orders", applepay: "unionpay/orders" };

/** Plays the payer at the provider. */
export async function play({ channel, id }, action = "pay") {
  const answer = await fetch(`${stack.url}/_local/simulator/${DOORS[channel.split("_")[0]]}/${id}/${action}`, { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } });
  assert.ok(answer.ok, `${action}: ${answer.status} ${await answer.text()}`);
}

/** A wallet in which the payer pays. */
export const paying = (said = { word: "success" }) => async (charged) => {
  await play(charged);
  return said;
};

/** A gateway that answers with what a test likes. */
export async function gateway(answer) {
  const asked = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    asked.push({ path: request.url, headers: request.headers, body });
    answer(response, asked.length);
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    asked,
    end: () => new Promise((closed) => { server.close(closed); server.closeAllConnections(); }),
  };
}
