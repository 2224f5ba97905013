// Debian's Chromium, on a PC and as phones with different apps around the page; and a server with the SDK's files for its pages.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";
import { listen } from "./support.js";

const EXECUTABLE = process.env.MAXPAY_CHROMIUM ?? "/usr/bin/chromium";

/** Why the tests in a browser cannot run here, or nothing. With CI=true they must. */
export const skip = existsSync(EXECUTABLE) || process.env.CI === "true" ? undefined : `SKIPPED: no ${EXECUTABLE} here (tests/browser/install)`;

export const launch = () => chromium.launch({ executablePath: EXECUTABLE, args: ["--no-sandbox"] });

const ANDROID = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36";
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
export const SURROUNDINGS = {
  pc: { viewport: { width: 1280, height: 860 } },
  phone: { ...PHONE, userAgent: ANDROID },
  wechat: { ...PHONE, userAgent: `${ANDROID} MicroMessenger/8.0.50` },
  alipay: { ...PHONE, userAgent: `${ANDROID} AlipayClient/10.6.0` },
};

const PACKAGE = new URL("../", import.meta.url);
const IMPORTS = { "maxpay/browser": "/dist/browser.js", "lean-qr": "/node_modules/lean-qr/index.mjs", "lean-qr/extras/svg": "/node_modules/lean-qr/extras/svg.mjs" };
const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Test</title><script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>
<body><div id="qr" style="width:240px"></div><button>Pay</button></body></html>`;

/** A page at every address but those of the package's own files. */
export const serve = () => listen(async (request, response) => {
  const { pathname } = new URL(request.url, "http://127.0.0.1");
  if (!/\.m?js$/.test(pathname)) return response.writeHead(200, { "Content-Type": "text/html" }).end(PAGE);
  const file = await readFile(new URL(`.${pathname}`, PACKAGE));
  return response.writeHead(200, { "Content-Type": "text/javascript" }).end(file);
});
