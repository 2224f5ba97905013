// The payer's apps, as a page inside them meets them: they check what they are handed as the provider's app would, and pay at its cashier.

import assert from "node:assert/strict";
import { stack } from "./support.js";

/** Pays at the provider's page, where the browser has been sent. */
export const payAtCashier = (page) => page.click("button[value=pay]");

async function payAsApp(path, body, type) {
  const handed = await fetch(`${stack.url}${path}`, { method: "POST", body, headers: { "Content-Type": type }, redirect: "manual" });
  assert.equal(handed.status, 303, await handed.text());
  const cashier = new URL(handed.headers.get("location"), stack.url);
  const paid = await fetch(cashier, { method: "POST", body: new URLSearchParams({ action: "pay" }), redirect: "manual" });
  assert.ok([200, 303].includes(paid.status), await paid.text());
}

/** What the app is given in Node's world. A second bridge of a page takes the function of the first. */
async function expose(context, name, run) {
  await context.exposeFunction(name, run).catch((error) => { if (!/has been already registered/.test(error)) throw error; });
}

/** WeChat's bridge, which comes a moment after the page. `message` is how it ends: `ok`, `cancel` or `fail`. */
export async function weixinBridge(page, context, message) {
  await expose(context, "payAsWechat", (parameters) => payAsApp("/simulator/wechat/pay", JSON.stringify(parameters), "application/json"));
  await page.evaluate((message) => {
    delete window.WeixinJSBridge;
    setTimeout(() => {
      window.WeixinJSBridge = { async invoke(name, parameters, heard) {
        if (name === "getBrandWCPayRequest" && message === "ok") await window.payAsWechat(parameters);
        heard({ err_msg: `${name}:${message}` });
      } };
      document.dispatchEvent(new Event("WeixinJSBridgeReady"));
    }, 300);
  }, message);
}

/** Alipay's bridge, with the code that it ends with. */
export async function alipayBridge(page, context, resultCode) {
  await expose(context, "payAsAlipay", (order) => payAsApp("/simulator/alipay/app", new URLSearchParams({ order_string: order }).toString(), "application/x-www-form-urlencoded"));
  await page.evaluate((resultCode) => {
    window.AlipayJSBridge = { async call(name, { orderStr }, heard) {
      if (name === "tradePay" && resultCode === "9000") await window.payAsAlipay(orderStr);
      heard({ resultCode });
    } };
  }, resultCode);
}
