
// Alipay's bridge: `tradePay` answers a `resultCode`: 9000 paid, 6001 cancelled, 4000 refused, 6002 no network.
const codes = { paid: "9000", cancelled: "6001", refused: "4000", unknown: "6002" };
provide("AlipayJSBridge", {
  call: (name, params, heard = () => {}) => {
    if (name !== "tradePay") return setTimeout(heard, 0, { error: 1, errorMessage: "接口不存在" });
    pay("alipay", "#0958d9", params).then(({ end, message }) => heard({ resultCode: codes[end], memo: message }));
  },
});
