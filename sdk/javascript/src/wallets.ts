// What each channel needs of a page: an address to go to, a form, a QR code, or the bridge of the app around the page.

import { generate } from "lean-qr";
import { toSvg } from "lean-qr/extras/svg";
import { InvalidInputError, MaxPayError } from "./errors.js";
import type { WalletWord } from "./payment.js";
import type { Charged } from "./types.js";

const BRIDGE_MS_MAX = 10_000;

/** Sends the page to a provider. */
export function goTo(page: Window, field: string, address: string | undefined): WalletWord {
  page.location.assign(webAddress(field, address));
  return "unknown";
}

/** Builds the one form of UnionPay's page anew and submits it, so that nothing of that page runs in this one. */
export function submitForm(page: Window, html: string): WalletWord {
  const given = new DOMParser().parseFromString(html, "text/html").querySelector("form");
  if (!given) throw new InvalidInputError("html", "must be a page with a form");
  // A field that is called like a member of the form, `method` or `getAttribute`, hides that member.
  const attribute = (name: string) => Element.prototype.getAttribute.call(given, name);
  const inputs = Element.prototype.querySelectorAll.call(given, "input") as NodeListOf<HTMLInputElement>;
  const form = page.document.createElement("form");
  form.method = attribute("method") ?? "get";
  form.action = webAddress("html", attribute("action") ?? undefined);
  form.acceptCharset = attribute("accept-charset") ?? "utf-8";
  form.hidden = true;
  for (const { name, value } of inputs) {
    const input = page.document.createElement("input");
    Object.assign(input, { type: "hidden", name, value });
    form.append(input);
  }
  page.document.body.append(form);
  // A field of the form may be called `submit`.
  HTMLFormElement.prototype.submit.call(form);
  return "unknown";
}

/** A QR code as an SVG element, dark on white with a quiet zone, as large as what it is put into. */
export function qrCode(text: string): SVGElement {
  const svg = toSvg(codeOf(text), document, { on: "#000", off: "#fff", padX: 4, padY: 4, width: null, height: null });
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "QR");
  return svg;
}

function codeOf(text: string): ReturnType<typeof generate> {
  if (typeof text !== "string" || text === "") throw new InvalidInputError("codeUrl", "must be the text of a QR code");
  try {
    return generate(text);
  } catch {
    throw new InvalidInputError("codeUrl", `must be short enough for a QR code; ${text.length} characters were given`);
  }
}

interface WeixinBridge {
  invoke(name: string, parameters: object, heard: (answer: { err_msg?: string }) => void): void;
}

/** Has WeChat, around the page, ask for the password. */
export async function payInWechat(page: Window, charged: Charged<"wx_jsapi">, waitMs: number): Promise<WalletWord> {
  const bridge = await bridgeOf<WeixinBridge>(page, "WeixinJSBridge", /MicroMessenger/i, "wx_jsapi can be paid inside WeChat only; elsewhere use wx_h5 or wx_native");
  const { appId, timeStamp, nonceStr, package: prepay, signType, paySign } = charged;
  const answer = await heardWithin<{ err_msg?: string }>(waitMs, (heard) => {
    bridge.invoke("getBrandWCPayRequest", { appId, timeStamp, nonceStr, package: prepay, signType, paySign }, heard);
  });
  if (answer.err_msg?.endsWith(":ok")) return "success";
  return answer.err_msg?.endsWith(":cancel") ? "cancel" : "unknown";
}

interface AlipayBridge {
  call(name: string, parameters: object, heard: (answer: { resultCode?: string | number }) => void): void;
}

/** Has Alipay, around the page, ask for the password. */
export async function payInAlipay(page: Window, charged: Charged<"ali_app">, waitMs: number): Promise<WalletWord> {
  const bridge = await bridgeOf<AlipayBridge>(page, "AlipayJSBridge", /AlipayClient/i, "ali_app can be paid by a page inside Alipay only; elsewhere use ali_wap or ali_web");
  const answer = await heardWithin<{ resultCode?: string | number }>(waitMs, (heard) => {
    bridge.call("tradePay", { orderStr: charged.ali_app }, heard);
  });
  // 9000 is paid and 6001 is cancelled. 8000 and 6004 are in process, and of all others only the bill knows.
  const code = String(answer.resultCode);
  if (code === "9000") return "success";
  return code === "6001" ? "cancel" : "unknown";
}

/** What a bridge says, or nothing where it says nothing in this time. */
function heardWithin<Answer extends object>(ms: number, call: (heard: (answer: Answer) => void) => void): Promise<Partial<Answer>> {
  return new Promise((heard) => {
    const timer = setTimeout(() => heard({}), ms);
    call((answer) => {
      clearTimeout(timer);
      heard(answer);
    });
  });
}

/** The bridge comes some time after the page, and tells of it by an event. */
async function bridgeOf<Bridge>(page: Window, name: string, app: RegExp, elsewhere: string): Promise<Bridge> {
  const find = () => (page as unknown as Record<string, Bridge | undefined>)[name];
  if (!find() && app.test(page.navigator.userAgent)) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, BRIDGE_MS_MAX);
      page.document.addEventListener(`${name}Ready`, () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
  const bridge = find();
  if (!bridge) throw new MaxPayError(elsewhere);
  return bridge;
}

/** An address is somebody else's word: `javascript:` is one, too. */
function webAddress(field: string, address: string | undefined): string {
  if (address === undefined || !/^https?:\/\//i.test(address)) throw new InvalidInputError(field, "must be an http or https address");
  return address;
}
