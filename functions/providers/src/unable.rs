//! What an account cannot do, because its provider or its protocol does not.

use domain::{Channel, Tab};

domain::sentences! {
    /// What was asked of an account that cannot do it, and what is possible instead.
    pub enum Unable, UnableKind {
        // Channels.
        NoCall { channel: Channel } = "unable-no-call": "a charge on {channel} makes no call, so there is no answer to it";
        NotAlipays { channel: Channel } = "unable-not-alipays": "{channel} is no channel of Alipay's";
        NotWechats { channel: Channel } = "unable-not-wechats": "{channel} is no channel of WeChat Pay's";
        NotUnionpays { channel: Channel } = "unable-not-unionpays": "{channel} is no channel of UnionPay's";
        NotOfMapi { channel: Channel } = "unable-not-of-mapi": "the legacy interface (mapi) has no {channel}: protocol openapi has ali_qrcode";
        OtherTab { channel: Channel, expected: Tab, tab: Tab } = "unable-other-tab": "{channel} is configured in tab {expected}, and this is {tab}";
        OtherChannel { channel: Channel, own: Channel } = "unable-other-channel": "{channel} is not the channel of these settings, {own}";
        // What a message must say.
        Openid { channel: Channel } = "unable-openid": "{channel} without an openid";
        ClientIp { channel: Channel } = "unable-client-ip": "{channel} without a client ip";
        ReturnUrl = "unable-return-url": "unionpay's page needs to know where the browser goes afterwards";
        NotifySign { sign: String } = "unable-notify-sign": "a notify address with {sign} in it: the public URL of this stack must be without";
        Address { why: String } = "unable-address": "a request whose address cannot be written: {why}";
        Request { why: String } = "unable-request": "a request that cannot be written: {why}";
        // Closing, refunds and bills.
        NoClosing = "unable-no-closing": "unionpay knows no closing: an unpaid order ends at its payTimeout; undo or refund a paid one";
        UndoesWhole = "unable-undoes-whole": "unionpay undoes a whole payment; refund a part of it";
        AlipayUndoes = "unable-alipay-undoes": "alipay sends money back by refunds only";
        WechatUndoes = "unable-wechat-undoes": "wechat pay sends money back by refunds only";
        QueryIdNeeded = "unable-query-id-needed": "unionpay refunds with its own number of the payment, queryId only";
        NotifyNeeded = "unable-notify-needed": "unionpay refunds with an address for the notify only";
        MapiRefunds = "unable-mapi-refunds": "the legacy interface (mapi) refunds in Alipay's own console only";
        MapiBills = "unable-mapi-bills": "the partner interface has no bill";
        // Certificates.
        AlipayCertificates = "unable-alipay-certificates": "alipay's certificates are configured, and not fetched";
        UnionpayCertificates = "unable-unionpay-certificates": "unionpay's messages bring their certificates along";
        V2Certificates = "unable-v2-certificates": "v2 signs with the API key, and has no certificates to fetch";
    }
}
