// From a charge to the wallet on this phone, and back.

import { InvalidInputError, MaxPayError, type Channel, type Charged, type WalletWord } from "maxpay/app";
import { AppState, Platform } from "react-native";
import native, { type Spec } from "./NativeMaxPayWallets.js";

/** The channels that an app pays by. */
export type AppChannel = Extract<Channel, "ali_app" | "wx_app" | "unipay_app" | "applepay_upacp">;

export interface WalletOptions {
  /** `test` has UnionPay's and Apple Pay's SDKs use their test systems; `live` if absent. */
  mode?: "live" | "test";
  /** iOS: the URL scheme of this app by which Alipay and UnionPay come back. */
  scheme?: string;
  /** iOS, Apple Pay: the merchant identifier of the app's entitlement. */
  appleMerchantId?: string;
}

export interface WechatSettings {
  /** The app id at WeChat's open platform. */
  appId: string;
  /** iOS: the universal link that is registered there. */
  universalLink?: string;
}

/** What a wallet said, and the words of its SDK. */
export interface Said {
  word: WalletWord;
  detail?: Record<string, unknown>;
}

/** The handiest first. */
export const APP_CHANNELS: readonly AppChannel[] = ["wx_app", "ali_app", "applepay_upacp", "unipay_app"];
const WORDS: readonly unknown[] = ["success", "cancel", "unknown"] satisfies WalletWord[];
/** Who comes back from WeChat by another way than its button brings no word. So long it is waited for. */
const WORD_AFTER_RETURN_MS = 3000;

/** Tells WeChat's SDK whose app this is: once, when the app starts. */
export async function setUpWechat(settings: WechatSettings): Promise<void> {
  if (!settings.appId) throw new InvalidInputError("appId", "must be the app's id at WeChat's open platform, such as wx0123456789abcdef");
  if (!(await nativeModule().setUpWechat(settings))) throw new MaxPayError("WeChat's SDK did not take the app: is it linked, and does the universal link fit?");
}

/** The channels that this phone and this app can pay by, the handiest first. Offer those of them that your app has settings for. */
export async function channelsHere(): Promise<AppChannel[]> {
  const answers = await Promise.all(APP_CHANNELS.map(isAvailable));
  return APP_CHANNELS.filter((_, at) => answers[at]);
}

/** Apple Pay is on no Android phone. */
export async function isAvailable(channel: AppChannel): Promise<boolean> {
  if (channel === "applepay_upacp" && Platform.OS !== "ios") return false;
  return nativeModule().isAvailable(channel);
}

export function isAppChannel(channel: string): channel is AppChannel {
  return (APP_CHANNELS as readonly string[]).includes(channel);
}

/** Gives a charge to its wallet. What the wallet does not say within `waitMs` is `unknown`. */
export async function handOver(charged: Charged, waitMs: number, options: WalletOptions): Promise<Said> {
  if (!isAppChannel(charged.channel)) {
    throw new InvalidInputError("channel", `must be one that an app pays by, ${APP_CHANNELS.join(", ")}; \`${charged.channel}\` was given`);
  }
  if (Platform.OS === "ios" && charged.channel !== "wx_app" && charged.channel !== "applepay_upacp" && !options.scheme) {
    throw new InvalidInputError("scheme", "is needed on iOS: a URL scheme of this app, by which the wallet comes back");
  }
  const { mode = "live", scheme, appleMerchantId } = options;
  const said = nativeModule().handOver(charged, { mode, ...(scheme && { scheme }), ...(appleMerchantId && { appleMerchantId }) });
  return heardWithin(said as Promise<Partial<Said>>, waitMs, charged.channel);
}

/** Calls `back` when the app is in front again. */
export function onAppReturn(back: () => void): () => void {
  const listening = AppState.addEventListener("change", (state) => {
    if (state === "active") back();
  });
  return () => listening.remove();
}

async function heardWithin(said: Promise<Partial<Said>>, waitMs: number, channel: AppChannel): Promise<Said> {
  const leave: (() => void)[] = [];
  const nothing = new Promise<Partial<Said>>((resolve) => {
    const wait = (ms: number) => {
      const timer = setTimeout(() => resolve({}), ms);
      leave.push(() => clearTimeout(timer));
    };
    wait(waitMs);
    if (channel === "wx_app") leave.push(onceBackFromOutside(() => wait(WORD_AFTER_RETURN_MS)));
  });
  try {
    const { word, detail } = await Promise.race([said, nothing]);
    return { word: WORDS.includes(word) ? (word as WalletWord) : "unknown", ...(detail && { detail }) };
  } finally {
    for (const one of leave) one();
  }
}

/** A phone call or the notification centre makes an app inactive, too; only who was in the background was outside. */
function onceBackFromOutside(back: () => void): () => void {
  let wasOutside = false;
  const listening = AppState.addEventListener("change", (state) => {
    if (state === "background") wasOutside = true;
    if (state !== "active" || !wasOutside) return;
    wasOutside = false;
    back();
  });
  return () => listening.remove();
}

function nativeModule(): Spec {
  if (native) return native;
  throw new MaxPayError("the native module MaxPayWallets is not in this app: install its pods (iOS) or its Gradle project (Android), and build the app anew");
}
