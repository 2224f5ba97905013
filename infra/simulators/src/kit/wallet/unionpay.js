
// UnionPay's SDK for pages, which upsdk.js brings elsewhere: `pay` calls `success`, or `fail` with a reason.
const sdk = {
  config: () => {},
  ready: (then) => setTimeout(then, 0),
  pluginReady: (then) => setTimeout(then, 0),
  error: () => {},
  pay: ({ tn, success = () => {}, fail = () => {} }) => {
    pay("unionpay", "#00447c", { tn }).then(({ end, code, message }) => {
      if (end === "paid") success();
      else fail({ errcode: code ?? end, msg: message });
    });
  },
};
window.upsdk = sdk;
