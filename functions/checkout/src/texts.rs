//! Every text of the page, in both languages.

use domain::{Channel, CheckoutLocale, Family};

/// The texts of one language.
pub(crate) struct Texts {
    pub(crate) title: &'static str,
    pub(crate) amount: &'static str,
    pub(crate) test_mode: &'static str,
    pub(crate) scan_with: &'static str,
    pub(crate) scan_hint: &'static str,
    pub(crate) code_label: &'static str,
    pub(crate) native_hint: &'static str,
    pub(crate) or_choose: &'static str,
    pub(crate) choose: &'static str,
    pub(crate) nothing_here: &'static str,
    pub(crate) nothing_in_wechat: &'static str,
    pub(crate) waiting: &'static str,
    pub(crate) confirming: &'static str,
    pub(crate) cancelled: &'static str,
    pub(crate) not_done: &'static str,
    pub(crate) again: &'static str,
    pub(crate) other_way: &'static str,
    pub(crate) leave: &'static str,
    pub(crate) back_to_shop: &'static str,
    pub(crate) paid: &'static str,
    pub(crate) paid_by: &'static str,
    pub(crate) paid_hint: &'static str,
    pub(crate) expired: &'static str,
    pub(crate) expired_hint: &'static str,
    pub(crate) closed: &'static str,
    pub(crate) closed_hint: &'static str,
    pub(crate) unknown: &'static str,
    pub(crate) unknown_hint: &'static str,
    pub(crate) forward: &'static str,
    pub(crate) forward_hint: &'static str,
    pub(crate) go_on: &'static str,
    pub(crate) channel_trouble: &'static str,
    pub(crate) too_often: &'static str,
    pub(crate) busy: &'static str,
    pub(crate) busy_hint: &'static str,
    alipay: &'static str,
    wechat: &'static str,
    unionpay: &'static str,
    alipay_page: &'static str,
    pub(crate) wechat_code: &'static str,
    unionpay_page: &'static str,
    joint: &'static str,
}

const ZH: Texts = Texts {
    title: "收银台",
    amount: "应付金额",
    test_mode: "测试环境，不会产生真实扣款",
    scan_with: "扫码支付：",
    scan_hint: "打开手机上的任一应用扫描二维码，付款后本页会自动更新。",
    code_label: "支付二维码",
    native_hint: "请用微信扫一扫完成支付，付款后本页会自动更新。",
    or_choose: "或在本机支付",
    choose: "选择支付方式",
    nothing_here: "当前设备没有可用的支付方式，请换一台设备打开此链接。",
    nothing_in_wechat: "暂不支持在微信内支付，请点右上角菜单，选择在浏览器中打开。",
    waiting: "等待支付",
    confirming: "正在确认支付结果，请稍候。",
    cancelled: "您已取消支付，可以重新支付或换一种方式。",
    not_done: "支付没有完成，请重试或换一种方式。",
    again: "重新支付",
    other_way: "换一种支付方式",
    leave: "取消，返回商户",
    back_to_shop: "返回商户",
    paid: "支付成功",
    paid_by: "支付方式：",
    paid_hint: "款项已支付，请勿重复付款。",
    expired: "订单已过期",
    expired_hint: "支付时间已结束，请返回商户重新下单。",
    closed: "订单已关闭",
    closed_hint: "商户已关闭或更新此订单，请返回商户查看。",
    unknown: "链接无效",
    unknown_hint: "请检查链接是否完整，或返回商户重新获取。",
    forward: "正在跳转",
    forward_hint: "如果没有自动跳转，请点下面的按钮。",
    go_on: "继续",
    channel_trouble: "该支付方式暂时不可用，请重试或换一种方式。",
    too_often: "操作过于频繁，请稍后再试。",
    busy: "系统繁忙",
    busy_hint: "请稍候片刻再刷新。已付款的订单不受影响。",
    alipay: "支付宝",
    wechat: "微信支付",
    unionpay: "云闪付",
    alipay_page: "支付宝网页支付",
    wechat_code: "微信扫码支付",
    unionpay_page: "银联在线支付",
    joint: "、",
};

const EN: Texts = Texts {
    title: "Checkout",
    amount: "Amount to pay",
    test_mode: "Test mode: no real money moves",
    scan_with: "Scan to pay with ",
    scan_hint: "Scan the code with any of these apps on your phone. This page updates by itself after the payment.",
    code_label: "Payment QR code",
    native_hint: "Scan the code with WeChat. This page updates by itself after the payment.",
    or_choose: "Or pay on this device",
    choose: "Choose how to pay",
    nothing_here: "No payment method works on this device. Please open this link on another one.",
    nothing_in_wechat: "You cannot pay inside WeChat here. Please open the menu at the top right and choose to open in a browser.",
    waiting: "Waiting for the payment",
    confirming: "The payment is being confirmed. One moment, please.",
    cancelled: "You cancelled the payment. You can pay again, or choose another way.",
    not_done: "The payment was not completed. Please try again, or choose another way.",
    again: "Pay again",
    other_way: "Choose another way",
    leave: "Cancel and go back to the shop",
    back_to_shop: "Back to the shop",
    paid: "Paid",
    paid_by: "Paid with ",
    paid_hint: "This order is paid. Please do not pay again.",
    expired: "This order has expired",
    expired_hint: "The time to pay is over. Please order again at the shop.",
    closed: "This order is closed",
    closed_hint: "The shop closed or changed this order. Please go back to the shop.",
    unknown: "This link is not valid",
    unknown_hint: "Please check that the link is complete, or get a new one from the shop.",
    forward: "One moment",
    forward_hint: "If nothing happens, please press the button.",
    go_on: "Continue",
    channel_trouble: "This way to pay does not work now. Please try again, or choose another way.",
    too_often: "That was too often. Please try again later.",
    busy: "We are busy",
    busy_hint: "Please reload in a moment. An order that is paid stays paid.",
    alipay: "Alipay",
    wechat: "WeChat Pay",
    unionpay: "UnionPay",
    alipay_page: "Alipay on this page",
    wechat_code: "WeChat Pay code",
    unionpay_page: "UnionPay online",
    joint: ", ",
};

/// The texts of a language.
pub(crate) fn texts(locale: CheckoutLocale) -> &'static Texts {
    match locale {
        CheckoutLocale::Zh => &ZH,
        CheckoutLocale::En => &EN,
    }
}

impl Texts {
    /// What payers call a provider.
    pub(crate) fn family(&self, family: Family) -> &'static str {
        match family {
            Family::Ali => self.alipay,
            Family::Wx => self.wechat,
            Family::Unipay => self.unionpay,
        }
    }

    /// The label of a channel's button.
    pub(crate) fn channel(&self, channel: Channel) -> &'static str {
        match channel {
            Channel::AliWeb => self.alipay_page,
            Channel::WxNative => self.wechat_code,
            Channel::UnipayWeb => self.unionpay_page,
            Channel::AliApp
            | Channel::AliWap
            | Channel::AliQrcode
            | Channel::WxApp
            | Channel::WxJsapi
            | Channel::WxH5
            | Channel::WxLite
            | Channel::UnipayApp
            | Channel::ApplepayUpacp => self.family(channel.family()),
        }
    }

    /// A list for people.
    pub(crate) fn list(&self, families: &[Family]) -> String {
        families.iter().map(|family| self.family(*family)).collect::<Vec<_>>().join(self.joint)
    }
}
