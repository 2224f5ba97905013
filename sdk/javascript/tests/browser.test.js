// `pay` in a real Chromium, from a page of another origin than the gateway's: each channel as its payer meets it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { SURROUNDINGS, launch, serve, skip } from "./browsers.js";
import { chargeOn, newBill, play, server, stack } from "./support.js";
import { alipayBridge, payAtCashier, weixinBridge } from "./wallets.js";

if (skip) console.log(skip);

let browser;
let pages;
before(async () => { if (!skip) [browser, pages] = await Promise.all([launch(), serve()]); });
after(async () => { await browser?.close(); await pages?.close(); });

const OPTIONS = { url: stack.url, appId: stack.appId, clientKey: stack.clientKey };

/** A test with a page of the shop's, in one of the surroundings. */
function inBrowser(name, surroundings, run) {
  test(name, { skip }, async () => {
    const context = await browser.newContext(SURROUNDINGS[surroundings]);
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(20_000);
      await page.goto(pages.url);
      await run(page, context);
    } finally {
      await context.close();
    }
  });
}

/** Runs `pay` in the page, and gives what it says and what the bill says. */
const payIn = (page, charge, more = {}) => page.evaluate(async ({ options, charge, more }) => {
  const { MaxPay, pay } = await import("maxpay/browser");
  const { result, settled } = await pay(charge, { client: new MaxPay(options), qr: document.querySelector("#qr"), ...more });
  return { result, settled: await settled };
}, { options: OPTIONS, charge, more });

const settledIn = (page, billNum) => page.evaluate(async ({ options, billNum }) => {
  const { MaxPay, untilSettled } = await import("maxpay/browser");
  return untilSettled(billNum, { client: new MaxPay(options) });
}, { options: OPTIONS, billNum });

for (const [channel, surroundings] of [["ali_web", "pc"], ["unipay_web", "pc"], ["ali_wap", "phone"], ["wx_h5", "phone"], ["unipay_web", "phone"]]) {
  inBrowser(`${channel}: a ${surroundings} goes to the provider, comes back, and the bill says that it is paid`, surroundings, async (page) => {
    const back = `${pages.url}/back`;
    const charged = await server().charge({ ...chargeOn(channel), returnUrl: back });
    // The page leaves while it runs.
    await payIn(page, charged, { returnUrl: back }).catch(() => {});
    await payAtCashier(page);
    await page.waitForURL((url) => url.href.startsWith(back));
    assert.equal(await settledIn(page, charged.billNum), "success");
  });
}

for (const channel of ["ali_qrcode", "wx_native"]) {
  inBrowser(`${channel}: a PC shows a code that a phone can read, and sees when it is paid`, "pc", async (page) => {
    const charged = await server().charge(chargeOn(channel));
    const paid = payIn(page, charged);
    await page.waitForSelector("#qr svg[role=img]");
    await page.addScriptTag({ content: await readFile(new URL("../node_modules/jsqr/dist/jsQR.js", import.meta.url), "utf8") });
    assert.equal(await page.evaluate(readCode), charged.codeUrl);
    await play(charged);
    assert.deepEqual(await paid, { result: "unknown", settled: "success" });
  });
}

/** Runs in the page: takes the SVG as a picture, and reads it as a phone's camera would. */
async function readCode() {
  const svg = new XMLSerializer().serializeToString(document.querySelector("#qr svg"));
  const image = new Image(480, 480);
  image.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: 480, height: 480 });
  const brush = canvas.getContext("2d");
  brush.fillStyle = "#fff";
  brush.fillRect(0, 0, 480, 480);
  brush.drawImage(image, 0, 0, 480, 480);
  // eslint-disable-next-line no-undef
  return jsQR(brush.getImageData(0, 0, 480, 480).data, 480, 480)?.data;
}

for (const [message, result, settled] of [["ok", "success", "success"], ["cancel", "cancel", "created"], ["fail", "unknown", "created"]]) {
  inBrowser(`wx_jsapi: inside WeChat its bridge is waited for, and says ${message}`, "wechat", async (page, context) => {
    await weixinBridge(page, context, message);
    const charged = await server().charge(chargeOn("wx_jsapi"));
    assert.deepEqual(await payIn(page, charged, { waitMs: message === "fail" ? 1 : 20_000 }), { result, settled });
  });
}

for (const [code, result, settled] of [["9000", "success", "success"], ["6001", "cancel", "created"], ["6004", "unknown", "created"]]) {
  inBrowser(`ali_app: inside Alipay its bridge says ${code}`, "alipay", async (page, context) => {
    await alipayBridge(page, context, code);
    const charged = await server().charge(chargeOn("ali_app"));
    assert.deepEqual(await payIn(page, charged, { waitMs: code === "6004" ? 1 : 20_000 }), { result, settled });
  });
}

for (const [channel, surroundings, told] of [
  ["wx_jsapi", "phone", /inside WeChat only; elsewhere use wx_h5/],
  ["ali_app", "pc", /inside Alipay only; elsewhere use ali_wap/],
  ["wx_app", "phone", /paid by an app with its provider's SDK/],
  ["wx_lite", "wechat", /paid by a mini program with wx\.requestPayment/],
  ["unipay_app", "phone", /paid by an app with its provider's SDK/],
  ["applepay_upacp", "phone", /paid by an app with its provider's SDK/],
]) {
  inBrowser(`${channel} on a ${surroundings}'s page is refused in words`, surroundings, async (page) => {
    await assert.rejects(payIn(page, await server().charge(chargeOn(channel))), told);
  });
}

inBrowser("a page may charge by itself with the client key", "pc", async (page) => {
  const charge = chargeOn("wx_native");
  const paid = payIn(page, charge);
  await page.waitForSelector("#qr svg");
  const [{ id }] = await server().records({ billNum: charge.billNum });
  await play({ channel: "wx_native", id });
  assert.deepEqual(await paid, { result: "unknown", settled: "success" });
});

inBrowser("in a window that a click opened the payer pays, while the page waits", "pc", async (page, context) => {
  const charged = await server().charge({ ...chargeOn("unipay_web"), returnUrl: `${pages.url}/back` });
  // A browser lets a page open a window only while it handles a click.
  await page.evaluate(() => { document.querySelector("button").onclick = () => { window.opened = window.open("about:blank"); }; });
  const [opened] = await Promise.all([context.waitForEvent("page"), page.click("button")]);
  const paid = page.evaluate(async ({ options, charged }) => {
    const { MaxPay, pay } = await import("maxpay/browser");
    return (await pay(charged, { client: new MaxPay(options), window: window.opened })).settled;
  }, { options: OPTIONS, charged });
  await payAtCashier(opened);
  assert.equal(await paid, "success");
});

inBrowser("a bill that is closed ends the asking, and one that stays open is left when the time is over", "pc", async (page) => {
  const [closed, open] = [await server().charge(chargeOn("wx_native")), await server().charge(chargeOn("wx_native"))];
  const asking = payIn(page, closed);
  await page.waitForSelector("#qr svg");
  await server().close({ billNum: closed.billNum, channel: "wx_native" });
  assert.deepEqual(await asking, { result: "unknown", settled: "closed" });
  assert.deepEqual(await payIn(page, open, { waitMs: 1500 }), { result: "unknown", settled: "created" });
});

inBrowser("a bill that was paid by another channel is paid", "pc", async (page) => {
  const billNum = newBill();
  const [first, second] = [await server().charge(chargeOn("ali_qrcode", billNum)), await server().charge(chargeOn("wx_native", billNum))];
  await play(first);
  assert.deepEqual(await payIn(page, second), { result: "unknown", settled: "success" });
});

inBrowser("somebody else may be asked, a network that is gone for a moment is borne, and a signal ends it", "pc", async (page) => {
  const charged = await server().charge(chargeOn("wx_native"));
  const said = await page.evaluate(async (charged) => {
    const { pay, untilSettled } = await import("maxpay/browser");
    const answers = [() => { throw new TypeError("Failed to fetch"); }, () => "created", () => "success"];
    const { settled } = await pay(charged, { ask: async () => answers.shift()(), qr: () => {} });
    const broken = await untilSettled("1", { ask: async () => { throw new RangeError("a fault of the shop's"); } }).catch((error) => error.message);
    const abort = new AbortController();
    const ended = untilSettled("1", { ask: async () => "created", signal: abort.signal }).catch((error) => error.message);
    abort.abort(new Error("left"));
    return [await settled, await ended, broken];
  }, charged);
  assert.deepEqual(said, ["success", "left", "a fault of the shop's"]);
});

inBrowser("what another language's backend hands out is a charge that is made, also without id", "pc", async (page) => {
  const { codeUrl, prepayid, channel, billNum } = await server().charge(chargeOn("wx_native"));
  const said = await page.evaluate(async (params) => {
    const { pay } = await import("maxpay/browser");
    return (await pay(params, { qr: document.querySelector("#qr"), ask: async () => "success" })).settled;
  }, { codeUrl, prepayid, channel, billNum });
  assert.equal(said, "success");
  assert.equal(await page.locator("#qr svg").count(), 1);
});

/** Asks in the page, and gives the status or the error's message. `answers` are what `ask` gives in turn, or throws. */
const askedIn = (page, answers, more = {}) => page.evaluate(async ({ answers, more }) => {
  const { untilSettled } = await import("maxpay/browser");
  const ask = async () => {
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer === "silence") await new Promise(() => {});
    return answer === "a page" ? JSON.parse("<html>") : answer;
  };
  return untilSettled("1", { ask, ...more }).catch((error) => error.message);
}, { answers, more });

inBrowser("only the four words of a bill settle it, and who is asked can neither keep it waiting nor end it by a page of HTML", "pc", async (page) => {
  for (const word of ["success", "refund", "closed"]) assert.equal(await askedIn(page, [word]), word);
  assert.match(await askedIn(page, ["unpaid"]), /ask must give created, success, refund or closed; `unpaid` was given/);
  assert.match(await askedIn(page, [undefined]), /ask must give .*; undefined was given/);
  assert.equal(await askedIn(page, ["silence"], { waitMs: 300 }), "created");
  assert.equal(await askedIn(page, ["a page", "success"]), "success");
  assert.match(await askedIn(page, ["created"], { waitMs: NaN }), /waitMs must be a number of milliseconds/);
  const left = await page.evaluate(async () => {
    const { untilSettled } = await import("maxpay/browser");
    const abort = new AbortController();
    const ended = untilSettled("1", { ask: () => new Promise(() => {}), signal: abort.signal }).catch((error) => error.message);
    abort.abort(new Error("left"));
    return ended;
  });
  assert.equal(left, "left");
});

inBrowser("a form's fields may be called like the members of a form", "pc", async (page) => {
  const names = ["method", "action", "getAttribute", "querySelectorAll", "acceptCharset", "submit"];
  const fields = names.map((name) => `<input type="hidden" name="${name}" value="its ${name}">`).join("");
  const html = `<form method="post" action="${pages.url}/unionpay" accept-charset="UTF-8">${fields}</form>`;
  const asked = page.waitForRequest(`${pages.url}/unionpay`);
  await payIn(page, { code: 0, msg: "OK", id: "0", billNum: "1", channel: "unipay_web", html }).catch(() => {});
  const request = await asked;
  assert.equal(request.method(), "POST");
  assert.deepEqual([...new URLSearchParams(request.postData())], names.map((name) => [name, `its ${name}`]));
});

inBrowser("a text that no QR code holds is refused by name", "pc", async (page) => {
  const codes = await page.evaluate(async () => {
    const { MaxPayError, qrCode } = await import("maxpay/browser");
    return ["x".repeat(9000), "", undefined].map((text) => { try { return qrCode(text).tagName; } catch (error) { return [error instanceof MaxPayError, error.field]; } });
  });
  assert.deepEqual(codes, [[true, "codeUrl"], [true, "codeUrl"], [true, "codeUrl"]]);
});

inBrowser("a bridge that says nothing is left when the time is over, and the bill is asked", "wechat", async (page) => {
  await page.evaluate(() => { window.WeixinJSBridge = { invoke() {} }; });
  const charged = await server().charge(chargeOn("wx_jsapi"));
  assert.deepEqual(await payIn(page, charged, { waitMs: 200 }), { result: "unknown", settled: "created" });
});

inBrowser("a page gets no master key and no call that needs one, and sends none", "pc", async (page) => {
  const sent = [];
  page.on("request", (request) => sent.push(JSON.stringify(request.headers())));
  const told = await page.evaluate(async ({ options, masterKey }) => {
    const { MaxPay } = await import("maxpay/browser");
    const attempts = [{ masterKey }, { clientKey: masterKey }, { sessionToken: masterKey }];
    const errors = attempts.map((keys) => { try { return String(new MaxPay({ url: options.url, appId: options.appId, ...keys })); } catch (error) { return error.message; } });
    return [...errors, ["refund", "refunds", "close", "sync", "session"].filter((verb) => verb in MaxPay.prototype).join()];
  }, { options: OPTIONS, masterKey: stack.masterKey });
  for (const error of told.slice(0, 3)) assert.match(error, /must not be a master key in a browser/);
  assert.equal(told[3], "");
  assert.ok(!sent.join().includes(stack.masterKey) && !told.join().includes(stack.masterKey));
});

inBrowser("an address that is a script is not gone to, and nothing of the form's page runs here", "pc", async (page) => {
  const bad = { code: 0, msg: "OK", id: "0", billNum: "1" };
  await assert.rejects(payIn(page, { ...bad, channel: "ali_web", ali_web: "javascript:document.title='run'" }), /ali_web must be an http or https address/);
  const html = "<body onload=\"document.title='run'\"><script>document.title='run'</script><form action=\"javascript:document.title='run'\"></form>";
  await assert.rejects(payIn(page, { ...bad, channel: "unipay_web", html }), /html must be an http or https address/);
  await assert.rejects(payIn(page, { ...bad, channel: "ali_web" }), /ali_web must be/);
  await assert.rejects(payIn(page, { ...bad }), /channel is unknown: give the channel and billNum/);
  assert.equal(await page.title(), "Test");
});

inBrowser("what is missing is named", "pc", async (page) => {
  const charged = await server().charge(chargeOn("wx_native"));
  await assert.rejects(payIn(page, charged, { qr: undefined, client: null }), /client or ask is needed/);
  await assert.rejects(payIn(page, charged, { qr: null }), /qr is needed/);
  await assert.rejects(payIn(page, chargeOn("wx_native"), { client: null, ask: null }), /client/);
});
