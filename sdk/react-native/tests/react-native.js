// A phone for the tests: as much of React Native as the package takes, and wallets that a test plays.

const listening = new Set();

export const Platform = { OS: "android" };

export const AppState = {
  addEventListener(event, heard) {
    listening.add(heard);
    return { remove: () => listening.delete(heard) };
  },
};

export const phone = {
  /** What the native module was called with. */
  calls: [],
  installed: ["ali_app", "wx_app", "unipay_app", "applepay_upacp"],
  takesWechat: true,
  /** What a wallet does with a charge. */
  wallet: async () => ({ word: "success" }),
  goes: (state) => [...listening].forEach((heard) => heard(state)),
  listeners: () => listening.size,
};

const module = {
  async setUpWechat(settings) {
    phone.calls.push({ settings });
    return phone.takesWechat;
  },
  isAvailable: async (channel) => phone.installed.includes(channel),
  handOver(charged, options) {
    phone.calls.push({ charged, options });
    return phone.wallet(charged, options);
  },
};

export const TurboModuleRegistry = { get: (name) => (name === "MaxPayWallets" ? module : null) };
