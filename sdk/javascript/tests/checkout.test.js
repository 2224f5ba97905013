// The checkout, against the running stack: made, paid by a visitor, and the result that the visitor brings back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AppInvalidError, InvalidInputError, ParamInvalidError, ResultError, verifyResult } from "maxpay";
import { client, newBill, play, server, stack } from "./support.js";

const maxpay = server();
const RETURN_URL = "http://127.0.0.1:9/back?from=shop";
const checkoutOf = (billNum = newBill("checkout")) => ({ billNum, totalFee: 9900, subject: "A cup of tea 一杯茶", returnUrl: RETURN_URL });

/** The visitor leaves the page: where the next page sends the browser. */
async function leave(url) {
  const page = await (await fetch(`${url}/leave`, { method: "POST" })).text();
  const [, address] = /data-go="([^"]*)"/.exec(page) ?? assert.fail(page);
  return address.replace(/&#(\d+);/g, (_, sign) => String.fromCharCode(Number(sign))).replaceAll("&amp;", "&");
}

test("a checkout is a page and a QR code, and the same bill has the same one", async () => {
  const checkout = checkoutOf();
  const made = await maxpay.checkout({ ...checkout, expiresIn: 600, locale: "en", channels: ["ali_wap", "ali_web"] });
  assert.ok(made.url.startsWith(`${stack.url}/pay/`), made.url);
  assert.match(made.qr, /^<svg /);
  assert.ok(Math.abs(made.expiresAt - Date.now() - 600_000) < 60_000, String(made.expiresAt));
  assert.equal((await maxpay.checkout({ ...checkout, expiresIn: 600, locale: "en", channels: ["ali_wap", "ali_web"] })).url, made.url);
  const page = await (await fetch(made.url)).text();
  assert.ok(page.includes("99.00") && page.includes("A cup of tea 一杯茶"), page);
});

test("who leaves brings back a signed result, and who paid another", async () => {
  const checkout = checkoutOf();
  const { url } = await maxpay.checkout(checkout);
  const options = { masterKeys: [stack.masterKey], appId: stack.appId };
  const left = await leave(url);
  assert.ok(left.startsWith(`${RETURN_URL}&maxpay_`), left);
  const { time, ...result } = await verifyResult(left, options);
  assert.deepEqual(result, { appId: stack.appId, mode: "test", billNum: checkout.billNum, status: "cancel" });
  assert.ok(Math.abs(time - Date.now()) < 60_000);

  const charged = await maxpay.charge({ ...checkout, channel: "ali_qrcode" });
  assert.equal((await verifyResult(await leave(url), options)).status, "unknown");
  await play(charged);
  await maxpay.sync({ billNum: checkout.billNum });
  const came = await verifyResult(await leave(url), options);
  assert.deepEqual([came.status, came.id, came.channel, came.totalFee], ["success", charged.id, "ali_qrcode", 9900]);

  const altered = (await leave(url)).replace("maxpay_fee=9900", "maxpay_fee=1");
  await assert.rejects(verifyResult(altered, options), (error) => error instanceof ResultError && error.code === "wrong-signature");
  await assert.rejects(maxpay.checkout(checkout), ParamInvalidError);
});

test("what cannot be made is refused by name", async () => {
  await assert.rejects(maxpay.checkout({ ...checkoutOf(), totalFee: 9.9 }), (error) => error instanceof InvalidInputError && error.field === "totalFee");
  await assert.rejects(maxpay.checkout({ ...checkoutOf(), expiresIn: 1 }), (error) => error instanceof ParamInvalidError && error.err.includes("expiresIn"));
  await assert.rejects(server({ masterKey: "x" }).checkout(checkoutOf()), AppInvalidError);
});
