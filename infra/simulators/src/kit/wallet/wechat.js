
// WeChat's bridge: `getBrandWCPayRequest` answers `ok`, `cancel` or `fail`.
const words = { paid: "ok", cancelled: "cancel", refused: "fail", unknown: "fail" };
provide("WeixinJSBridge", {
  invoke: (name, params, heard = () => {}) => {
    if (name !== "getBrandWCPayRequest") return setTimeout(heard, 0, { err_msg: "system:function_not_exist" });
    pay("wechat", "#087a3e", params).then(({ end, message }) => {
      heard({ err_msg: `get_brand_wcpay_request:${words[end]}`, ...(words[end] === "fail" && { err_desc: message }) });
    });
  },
  on: () => {},
  call: () => {},
});
