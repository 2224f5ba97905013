// Which channels a payer can use where they are.

import type { Channel } from "./types.js";

/** The channels that a page can offer in the browser with this `User-Agent`, the handiest first. Offer those of them that your app has. */
export function channelsFor(userAgent: string): Channel[] {
  if (/MicroMessenger/i.test(userAgent)) return ["wx_jsapi", "unipay_web"];
  if (/AlipayClient/i.test(userAgent)) return ["ali_app", "ali_wap"];
  if (/Android|iPhone|iPad|iPod|Mobile|HarmonyOS/i.test(userAgent)) return ["ali_wap", "wx_h5", "unipay_web"];
  return ["ali_web", "wx_native", "ali_qrcode", "unipay_web"];
}
