// The checkout's page as payers meet it: on a PC and on a phone, in both languages, light and dark; and its one code, scanned by each wallet.
// MAXPAY_SHOTS names a folder for pictures of what the payers see.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import jsQR from "jsqr";
import { verifyResult } from "maxpay";
import { PNG } from "pngjs";
import { SURROUNDINGS, launch, skip } from "./browsers.js";
import { listen, newBill, server, stack } from "./support.js";
import { payAtCashier } from "./wallets.js";

const { MAXPAY_SHOTS } = process.env;
const AXE = new URL("../node_modules/axe-core/axe.min.js", import.meta.url);
const LOCALES = ["zh-CN", "en"];

let browser;
let shop;
before(async () => {
  if (skip) return;
  browser = await launch();
  shop = await listen((_, response) => response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end("<!doctype html><title>The shop</title><h1>The shop</h1>"));
});
after(async () => { await browser?.close(); await shop?.close(); });

async function make(more = {}) {
  const billNum = newBill("page");
  const checkout = { billNum, totalFee: 15_600, subject: "明前龙井 50 克 × 1，高山乌龙 100 克 × 1", returnUrl: `${shop.url}/back?order=7`, ...more };
  return { billNum, ...(await server().checkout(checkout)) };
}

/** A visitor's browser. What goes wrong in a page is kept in `wrong`. */
async function visitor(surroundings, more = {}) {
  const context = await browser.newContext({ locale: "zh-CN", ...SURROUNDINGS[surroundings], ...more });
  const page = await context.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("console", (said) => { if (said.type() === "error") wrong.push(said.text()); });
  page.setDefaultTimeout(20_000);
  return { page, context, wrong };
}

/** Looks at a page as it is: a picture for people, nothing wider than the window, and nothing that axe finds. */
async function look(page, name) {
  if (MAXPAY_SHOTS) await page.screenshot({ path: `${MAXPAY_SHOTS}/${name}.png`, fullPage: true });
  const { scroll, client } = await page.evaluate(() => ({ scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth }));
  assert.ok(scroll <= client, `${name}: ${scroll} px in a window of ${client} px`);
  // The page's own policy lets no script in; a debugger may.
  await page.evaluate(await readFile(AXE, "utf8"));
  const found = await page.evaluate(async () => (await window.axe.run()).violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`));
  assert.deepEqual(found, [], name);
}

/** Reads the code from the picture of the page, as a phone's camera would. */
async function scan(page) {
  const { data, width, height } = PNG.sync.read(await page.screenshot());
  const code = jsQR(new Uint8ClampedArray(data), width, height);
  assert.ok(code, "there is no code in the picture");
  return code.data;
}

/** The page says by itself that it is paid, goes on to the shop, and brings a result that the shop can verify. */
async function becomesPaid(page, name, billNum) {
  await page.waitForSelector("h1.end.good");
  await look(page, `${name}-paid`);
  await page.waitForURL(`${shop.url}/back?order=7&maxpay_*`);
  const result = await verifyResult(page.url(), { masterKeys: [stack.masterKey], appId: stack.appId });
  assert.deepEqual([result.status, result.billNum, result.totalFee], ["success", billNum, 15_600]);
  return result;
}

for (const surroundings of ["pc", "phone"]) {
  for (const locale of LOCALES) {
    for (const colorScheme of ["light", "dark"]) {
      test(`the page on a ${surroundings}, ${locale}, ${colorScheme}: paid at a provider's page`, { skip }, async () => {
        const { url, billNum } = await make();
        const { page, context, wrong } = await visitor(surroundings, { locale, colorScheme });
        const name = `${surroundings}-${locale}-${colorScheme}`;
        try {
          await page.goto(url);
          assert.equal(await page.getAttribute("html", "lang"), locale);
          await look(page, `${name}-open`);
          const channel = surroundings === "pc" ? "ali_web" : "ali_wap";
          await page.click(`form[action$='/${channel}'] button`);
          await payAtCashier(page);
          assert.equal((await becomesPaid(page, name, billNum)).channel, channel);
          assert.deepEqual(wrong, []);
        } finally {
          await context.close();
        }
      });
    }
  }
}

const WALLETS = [
  { wallet: "wechat", channel: "wx_jsapi" },
  { wallet: "alipay", channel: "ali_app" },
  { wallet: "unionpay", channel: "unipay_web" },
];

for (const { wallet, channel } of WALLETS) {
  test(`the code on a PC is scanned by ${wallet} and paid there, and the PC turns to paid by itself`, { skip }, async () => {
    const { url, billNum } = await make();
    const pc = await visitor("pc");
    const phone = await visitor("phone");
    try {
      await pc.page.goto(url);
      const scanned = await scan(pc.page);
      assert.equal(scanned, url);
      await phone.page.goto(`${stack.url}/_local/simulator/${wallet}/browser?payer=Li&url=${encodeURIComponent(new URL(scanned).pathname)}`);
      await look(phone.page, `in-${wallet}-open`);
      await phone.page.click(`form[action$='/${channel}'] button`);
      if (wallet === "unionpay") {
        await payAtCashier(phone.page);
      } else {
        await phone.page.waitForSelector("#simulated-sheet");
        if (MAXPAY_SHOTS) await phone.page.screenshot({ path: `${MAXPAY_SHOTS}/in-${wallet}-sheet.png` });
        await phone.page.click("#simulated-pay");
      }
      assert.equal((await becomesPaid(pc.page, `pc-after-${wallet}`, billNum)).channel, channel);
      await phone.page.waitForURL(`${shop.url}/back?order=7&maxpay_*`);
      assert.deepEqual(pc.wrong, []);
      assert.deepEqual(phone.wrong, []);
    } finally {
      await pc.context.close();
      await phone.context.close();
    }
  });
}

test("a payer who cancels in WeChat is told so, and pays again", { skip }, async () => {
  const { url, billNum } = await make();
  const { page, context, wrong } = await visitor("phone");
  try {
    await page.goto(`${stack.url}/_local/simulator/wechat/browser?payer=Li&url=${encodeURIComponent(new URL(url).pathname)}`);
    await page.click("form[action$='/wx_jsapi'] button");
    await page.click("#simulated-cancel");
    await page.waitForFunction(() => document.querySelector("#status").textContent.includes("您已取消支付"));
    await look(page, "in-wechat-cancelled");
    await page.click("#again");
    await page.click("#simulated-pay");
    await becomesPaid(page, "in-wechat", billNum);
    assert.deepEqual(wrong, []);
  } finally {
    await context.close();
  }
});

test("an address that is not genuine is told in words", { skip }, async () => {
  const { page, context } = await visitor("phone");
  try {
    assert.equal((await page.goto(`${stack.url}/pay/${"A".repeat(71)}`)).status(), 404);
    assert.equal(await page.textContent("h1"), "链接无效");
    await look(page, "phone-wrong-address");
  } finally {
    await context.close();
  }
});
