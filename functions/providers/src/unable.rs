//! What an account cannot do, because its provider or its protocol does not.

use domain::{Channel, Tab};

domain::sentences! {
    /// What was asked of an account that cannot do it, and what is possible instead.
    pub enum Unable, UnableKind {
        // Channels.
        NoCall { channel: Channel } = "unable-no-call": "a charge on {channel} makes no call, so there is no answer to it";
        NotAlipays { channel: Channel } = "unable-not-alipays": "{channel} is not a channel of Alipay's";
        NotWechats { channel: Channel } = "unable-not-wechats": "{channel} is not a channel of WeChat Pay's";
        NotUnionpays { channel: Channel } = "unable-not-unionpays": "{channel} is not a channel of UnionPay's";
        NotOfMapi { channel: Channel } = "unable-not-of-mapi": "the legacy interface (mapi) has no {channel}: protocol openapi has ali_qrcode";
        OtherTab { channel: Channel, expected: Tab, tab: Tab } = "unable-other-tab": "{channel} is configured in tab {expected}, but this is {tab}";
        OtherChannel { channel: Channel, own: Channel } = "unable-other-channel": "{channel} is not the channel of these settings, {own}";
        // What a message must say.
        Openid { channel: Channel } = "unable-openid": "{channel} needs an openid";
        ClientIp { channel: Channel } = "unable-client-ip": "{channel} needs a client ip";
        ReturnUrl = "unable-return-url": "returnUrl is required: unionpay sends the browser there afterwards";
        NotifySign { sign: String } = "unable-notify-sign": "the notify address contains {sign}; the public URL of this stack must be without it";
        Address { why: String } = "unable-address": "the address of the request cannot be written: {why}";
        Request { why: String } = "unable-request": "the request cannot be written: {why}";
        // Closing, refunds and bills.
        NoClosing = "unable-no-closing": "unionpay cannot close an order: an unpaid one ends at its payTimeout; undo or refund a paid one";
        UndoesWhole = "unable-undoes-whole": "unionpay undoes only a whole payment; refund a part of it";
        AlipayUndoes = "unable-alipay-undoes": "alipay sends money back only by refunds";
        WechatUndoes = "unable-wechat-undoes": "wechat pay sends money back only by refunds";
        QueryIdNeeded = "unable-query-id-needed": "a refund at unionpay needs the payment's queryId";
        NotifyNeeded = "unable-notify-needed": "a refund at unionpay needs a notify address";
        MapiRefunds = "unable-mapi-refunds": "the legacy interface (mapi) refunds only in Alipay's own console";
        MapiBills = "unable-mapi-bills": "the partner interface has no bill";
        // Certificates.
        AlipayCertificates = "unable-alipay-certificates": "alipay's certificates are configured and cannot be fetched";
        UnionpayCertificates = "unable-unionpay-certificates": "unionpay's messages contain their certificates";
        V2Certificates = "unable-v2-certificates": "v2 signs with the API key, and has no certificates to fetch";
    }
}
