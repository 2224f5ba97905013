//! The names of the members of closed lists, and of actions, in the reader's language.

use domain::{
    Basis, Channel, Closing, DeliveryState, DifferenceKind, Event, Family, HandledState, IncidentKind, OperatorRole,
    Status, Tab,
};

use super::{preferences::Language, texts::Texts};
use crate::api::{find::FoundBy, refunds::RefundFilter};

/// The names of one thing.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    zh: &'static str,
    en: &'static str,
}

pub(crate) const fn words(zh: &'static str, en: &'static str) -> Words {
    Words { zh, en }
}

/// A closed list whose members people see. Each is matched without `_`, so that the compiler asks for the names of a new member.
pub(crate) trait Named {
    fn words(self) -> Words;
}

impl Named for OperatorRole {
    fn words(self) -> Words {
        match self {
            Self::Viewer => words("只读", "Viewer"),
            Self::Operator => words("操作员", "Operator"),
            Self::Owner => words("所有者", "Owner"),
        }
    }
}

impl Named for Status {
    fn words(self) -> Words {
        match self {
            Self::Created => words("未支付", "Unpaid"),
            Self::Success => words("支付成功", "Paid"),
            Self::Refund => words("已退款", "Refunded"),
            Self::Closed => words("已关闭", "Closed"),
        }
    }
}

impl Named for Closing {
    fn words(self) -> Words {
        match self {
            Self::Expired => words("超时未支付", "Its time was over"),
            Self::Early => words("到期前关闭", "Closed before its end"),
            Self::Replaced => words("被同一订单的新支付单替换", "Replaced by another try of the bill"),
            Self::NoToken => words("渠道未返回支付凭证", "The provider gave no token"),
        }
    }
}

impl Named for RefundFilter {
    fn words(self) -> Words {
        match self {
            Self::Pending => words("处理中", "Pending"),
            Self::Stuck => words("退款异常", "Stuck"),
            Self::Failed => words("退款失败", "Failed"),
            Self::Success => words("已退回", "Done"),
            Self::Partial => words("部分退款", "Partial"),
        }
    }
}

impl Named for Basis {
    fn words(self) -> Words {
        match self {
            Self::Created => words("按下单时间", "Time of the order"),
            Self::Paid => words("按支付时间", "Time of payment"),
            Self::Settled => words("按结算日", "Settlement day"),
        }
    }
}

impl Named for Channel {
    fn words(self) -> Words {
        match self {
            Self::AliApp => words("支付宝移动支付", "Alipay in apps"),
            Self::AliWeb => words("支付宝网页支付", "Alipay web page"),
            Self::AliWap => words("支付宝手机网页", "Alipay mobile web"),
            Self::AliQrcode => words("支付宝扫码支付", "Alipay QR code"),
            Self::WxApp => words("微信移动支付", "WeChat in apps"),
            Self::WxJsapi => words("微信公众号支付", "WeChat official account"),
            Self::WxNative => words("微信扫码支付", "WeChat QR code"),
            Self::WxH5 => words("微信 H5 支付", "WeChat mobile web"),
            Self::WxLite => words("微信小程序支付", "WeChat mini program"),
            Self::UnipayApp => words("银联移动支付", "UnionPay in apps"),
            Self::UnipayWeb => words("银联网页支付", "UnionPay web page"),
            Self::ApplepayUpacp => words("Apple Pay（银联）", "Apple Pay by UnionPay"),
        }
    }
}

impl Named for FoundBy {
    fn words(self) -> Words {
        match self {
            Self::BillNum => words("商户订单号", "Bill number"),
            Self::Id => words("平台交易号", "Transaction ID"),
            Self::RefundNum => words("退款单号", "Refund number"),
            Self::TradeNo => words("渠道交易号", "Provider's number"),
            Self::Beginning => words("号码开头", "Beginning"),
        }
    }
}

impl Named for Family {
    fn words(self) -> Words {
        match self {
            Self::Ali => words("支付宝", "Alipay"),
            Self::Wx => words("微信支付", "WeChat Pay"),
            Self::Unipay => words("银联", "UnionPay"),
        }
    }
}

impl Named for Tab {
    fn words(self) -> Words {
        match self {
            Self::Ali => words("支付宝", "Alipay"),
            Self::WxApp => words("微信 App", "WeChat app"),
            Self::WxMp => words("微信公众号/小程序/扫码", "WeChat account, mini program & QR"),
            Self::UnipayApp => words("银联 App", "UnionPay app"),
            Self::UnipayWeb => words("银联网页", "UnionPay web"),
        }
    }
}

impl Named for Event {
    fn words(self) -> Words {
        match self {
            Self::PaymentSuccess => words("支付成功", "Payment succeeded"),
            Self::RefundSuccess => words("退款成功", "Refund succeeded"),
            Self::RefundFailed => words("退款失败", "Refund failed"),
            Self::RefundStuck => words("退款异常", "Refund stuck"),
            Self::PaymentClosed => words("订单关闭", "Payment closed"),
            Self::PaymentMismatch => words("支付不符", "Payment mismatch"),
            Self::PaymentDuplicate => words("重复支付", "Paid twice"),
        }
    }
}

impl Named for DeliveryState {
    fn words(self) -> Words {
        match self {
            Self::Waiting => words("等待中", "Waiting"),
            Self::Delivered => words("已送达", "Delivered"),
            Self::Exhausted => words("已放弃", "Exhausted"),
            Self::Cancelled => words("已取消", "Cancelled"),
        }
    }
}

impl Named for IncidentKind {
    fn words(self) -> Words {
        match self {
            Self::Account => words("收款账号不符", "Another account"),
            Self::Amount => words("金额不符", "Another amount"),
            Self::Order => words("订单号不符", "Another order"),
            Self::ClosedAfterPayment => words("支付后渠道又返回关闭", "Closed after payment"),
            Self::PaidAgain => words("同一订单两个交易号", "Another trade number"),
            Self::RefundAmount => words("退款金额不符", "Another refund amount"),
            Self::RefundedTooMuch => words("退款超过支付金额", "Refunded too much"),
            Self::DayNotCompared => words("对账未完成", "A day that was not compared"),
            Self::Duplicate => words("重复支付", "Paid twice"),
            Self::Price => words("付款金额与服务端定价不一致", "Paid at another price"),
            Self::Forged => words("验签失败的通知", "Could not be verified"),
            Self::Unknown => words("未知订单", "An order that is not known"),
            Self::RefundPaused => words("退款等待余额", "A refund waits for the balance"),
            Self::RefundStuck => words("退款异常，需人工处理", "A refund is stuck"),
            Self::RefundFailed => words("自动退款失败", "A refund did not go back"),
            Self::RefundContradiction | Self::RefundUnknown => {
                words("退款通知与记录矛盾", "A refund contradicts the books")
            }
        }
    }
}

impl Named for HandledState {
    fn words(self) -> Words {
        match self {
            Self::Open => words("待处理", "Open"),
            Self::Handled => words("已处理", "Handled"),
        }
    }
}

impl Named for DifferenceKind {
    fn words(self) -> Words {
        match self {
            Self::MissingHere => words("渠道有，本系统没有", "Only at the provider"),
            Self::MissingThere => words("本系统有，渠道没有", "Only here"),
            Self::AmountDiffers => words("金额不一致", "Amounts differ"),
            Self::StatusDiffers => words("渠道已付，本系统未付", "Paid there, unpaid here"),
            Self::RefundDiffers => words("退款不一致", "A refund differs"),
            Self::RefundMissingThere => words("本系统已退款，渠道没有", "A refund only here"),
            Self::UnreadableLine => words("账单行无法读取", "An unreadable line"),
        }
    }
}

impl Texts {
    pub(crate) fn say(&self, Words { zh, en }: Words) -> &'static str {
        match self.language {
            Language::Zh => zh,
            Language::En => en,
        }
    }

    pub(crate) fn name_of(&self, one: impl Named) -> &'static str {
        self.say(one.words())
    }

    /// An operator's name. The operator token has none.
    pub(crate) fn person<'a>(&self, name: &'a str) -> &'a str {
        match name {
            "operator token" => self.operator_token,
            "unknown name" => self.unknown_name,
            name => name,
        }
    }

    /// The name of an incident's kind. A kind that only a later version knows has no name here.
    pub(crate) fn incident_kind(&self, kind: &str) -> &'static str {
        IncidentKind::find(kind).map_or(self.incident_other, |kind| self.name_of(kind))
    }

    /// What was just done, by its word in the address.
    pub(crate) fn done(&self, word: &str) -> Option<&'static str> {
        match word {
            "saved" => Some(self.done_saved),
            "deleted" => Some(self.done_deleted),
            "password" => Some(self.done_password),
            "exported" => Some(self.done_exported),
            "replayed" => Some(self.done_replayed),
            "replayed-part" => Some(self.done_replayed_part),
            "replayed-none" => Some(self.done_replayed_none),
            "paused" => Some(self.done_paused),
            "handled" => Some(self.done_handled),
            "reopened" => Some(self.done_reopened),
            "day-asked" => Some(self.checked_day),
            "resent" => Some(self.done_resent),
            "taken-back" => Some(self.done_taken_back),
            "asked" => Some(self.done_asked),
            "closed" => Some(self.done_closed),
            "refunded" => Some(self.done_refunded),
            "given-up" => Some(self.done_given_up),
            "proposed" => Some(self.done_proposed),
            "approved" => Some(self.done_approved),
            "declined" => Some(self.done_declined),
            "withdrawn" => Some(self.done_withdrawn),
            _ => None,
        }
    }

    /// What an entry of the audit log is about, by the name of its operation.
    pub(crate) fn action(&self, name: &str) -> &'static str {
        match name {
            "create app" => self.action_create_app,
            "change app" => self.action_change_app,
            "rotate key" => self.action_rotate_key,
            "create session" => self.action_create_session,
            "save channel" => self.action_save_channel,
            "check channel" => self.action_check_channel,
            "delete channel" => self.action_delete_channel,
            "retire account" => self.action_retire_account,
            "create webhook" => self.action_create_webhook,
            "rotate webhook secret" => self.action_rotate_webhook_secret,
            "delete webhook" => self.action_delete_webhook,
            "replay incident" => self.action_replay_incident,
            "handle incident" => self.action_handle_incident,
            "reopen incident" => self.action_reopen_incident,
            "handle day" => self.action_handle_day,
            "reopen day" => self.action_reopen_day,
            "change webhook" => self.action_change_webhook,
            "switch webhook" => self.action_switch_webhook,
            "test webhook" => self.action_test_webhook,
            "ask for a day" => self.action_ask_for_day,
            "resend delivery" => self.action_resend_delivery,
            "replay webhook" => self.action_replay_webhook,
            "take back dead letters" => self.action_take_back,
            "ask provider" => self.action_ask_provider,
            "close transaction" => self.action_close_transaction,
            "make checkout" => self.action_make_checkout,
            "refund transaction" => self.action_refund_transaction,
            "give up refund" => self.action_give_up_refund,
            "refund several" => self.action_refund_several,
            "approve refund" => self.action_approve_refund,
            "decline refund" => self.action_decline_refund,
            "create operator" => self.action_create_operator,
            "change operator" => self.action_change_operator,
            "end sessions" => self.action_end_sessions,
            "sign in" => self.action_sign_in,
            "sign in by recovery code" => self.action_recover,
            "enter code" => self.action_enter_code,
            "enrol second factor" => self.action_enrol_factor,
            "reset second factor" => self.action_reset_factor,
            "change checkout" => self.action_change_checkout,
            "save logo" => self.action_save_logo,
            "delete logo" => self.action_delete_logo,
            "save verification file" => self.action_save_file,
            "delete verification file" => self.action_delete_file,
            "change sign-in rules" => self.action_change_rules,
            "change alerts" => self.action_change_alerts,
            "test alerts" => self.action_test_alerts,
            _ => self.action_other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::{incident_words, texts::tests::check_both};

    #[track_caller]
    fn check<T: Named + std::fmt::Display + Copy>(all: &[T]) {
        for one in all {
            let Words { zh, en } = one.words();
            check_both(&one.to_string(), zh, en);
        }
    }

    #[test]
    fn each_member_has_words_in_both_languages() {
        check(&Channel::ALL);
        check(&Closing::ALL);
        check(&DeliveryState::ALL);
        check(&Event::ALL);
        check(&Family::ALL);
        check(&DifferenceKind::ALL);
        check(&HandledState::ALL);
        check(&IncidentKind::ALL);
        for kind in IncidentKind::ALL {
            let Words { zh, en } = incident_words::advice(kind);
            check_both(kind.name(), zh, en);
        }
        for kind in DifferenceKind::ALL {
            let Words { zh, en } = incident_words::about_difference(kind);
            check_both(kind.name(), zh, en);
        }
        check(&OperatorRole::ALL);
        check(&Status::ALL);
        check(&Tab::ALL);
    }
}
