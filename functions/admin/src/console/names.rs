//! What the reader's language calls channels, states, events, roles and deeds.

use domain::{Channel, DeliveryState, Event, Family, OperatorRole, Status, Tab};

use super::texts::Texts;

impl Texts {
    pub(crate) fn role(&self, role: OperatorRole) -> &'static str {
        match role {
            OperatorRole::Viewer => self.viewer,
            OperatorRole::Operator => self.operator,
            OperatorRole::Owner => self.owner,
        }
    }

    pub(crate) fn status_name(&self, status: Status) -> &'static str {
        match status {
            Status::Created => self.status_created,
            Status::Success => self.status_success,
            Status::Refund => self.status_refund,
            Status::Closed => self.status_closed,
        }
    }

    pub(crate) fn channel_name(&self, channel: Channel) -> &'static str {
        match channel {
            Channel::AliApp => self.ali_app,
            Channel::AliWeb => self.ali_web,
            Channel::AliWap => self.ali_wap,
            Channel::AliQrcode => self.ali_qrcode,
            Channel::WxApp => self.wx_app,
            Channel::WxJsapi => self.wx_jsapi,
            Channel::WxNative => self.wx_native,
            Channel::WxH5 => self.wx_h5,
            Channel::UnipayApp => self.unipay_app,
            Channel::UnipayWeb => self.unipay_web,
            Channel::ApplepayUpacp => self.applepay_upacp,
        }
    }

    pub(crate) fn family_name(&self, family: Family) -> &'static str {
        match family {
            Family::Ali => self.family_ali,
            Family::Wx => self.family_wx,
            Family::Unipay => self.family_unipay,
        }
    }

    pub(crate) fn tab_name(&self, tab: Tab) -> &'static str {
        match tab {
            Tab::Ali => self.tab_ali,
            Tab::WxApp => self.tab_wx_app,
            Tab::WxMp => self.tab_wx_mp,
            Tab::UnipayApp => self.tab_unipay_app,
            Tab::UnipayWeb => self.tab_unipay_web,
        }
    }

    /// What was just done, by the word in the address.
    pub(crate) fn done(&self, word: &str) -> Option<&'static str> {
        match word {
            "saved" => Some(self.done_saved),
            "deleted" => Some(self.done_deleted),
            "password" => Some(self.done_password),
            "exported" => Some(self.done_exported),
            "replayed" => Some(self.done_replayed),
            "resent" => Some(self.done_resent),
            "asked" => Some(self.done_asked),
            "closed" => Some(self.done_closed),
            "refunded" => Some(self.done_refunded),
            "given-up" => Some(self.done_given_up),
            _ => None,
        }
    }

    /// What kind of incident it is.
    pub(crate) fn incident_kind(&self, kind: &str) -> &'static str {
        match kind {
            "account" => self.incident_account,
            "amount" => self.incident_amount,
            "order" => self.incident_order,
            "closed-after-payment" => self.incident_closed_after,
            "paid-again" => self.incident_paid_again,
            "refund-amount" => self.incident_refund_amount,
            "refunded-too-much" => self.incident_refunded,
            "day-not-compared" => self.incident_day,
            "duplicate" => self.incident_duplicate,
            "price" => self.incident_price,
            "forged" => self.incident_forged,
            "unknown" => self.incident_unknown,
            "refund-paused" => self.incident_refund_paused,
            "refund-stuck" => self.incident_refund_stuck,
            "refund-failed" => self.incident_refund_failed,
            "refund-contradiction" | "refund-unknown" => self.incident_refund_contradiction,
            _ => self.incident_other,
        }
    }

    pub(crate) fn event_name(&self, event: Event) -> &'static str {
        match event {
            Event::PaymentSuccess => self.event_success,
            Event::RefundSuccess => self.event_refund,
            Event::RefundFailed => self.event_refund_failed,
            Event::RefundStuck => self.event_refund_stuck,
            Event::PaymentClosed => self.event_closed,
            Event::PaymentMismatch => self.event_mismatch,
            Event::PaymentDuplicate => self.event_duplicate,
        }
    }

    pub(crate) fn delivery_state(&self, state: DeliveryState) -> &'static str {
        match state {
            DeliveryState::Waiting => self.delivery_waiting,
            DeliveryState::Delivered => self.delivery_delivered,
            DeliveryState::Exhausted => self.delivery_exhausted,
            DeliveryState::Cancelled => self.delivery_cancelled,
        }
    }

    /// What an entry of the audit log tells of, by the name of its operation.
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
            "change webhook" => self.action_change_webhook,
            "switch webhook" => self.action_switch_webhook,
            "test webhook" => self.action_test_webhook,
            "ask for a day" => self.action_ask_for_day,
            "resend delivery" => self.action_resend_delivery,
            "replay webhook" => self.action_replay_webhook,
            "ask provider" => self.action_ask_provider,
            "close transaction" => self.action_close_transaction,
            "refund transaction" => self.action_refund_transaction,
            "give up refund" => self.action_give_up_refund,
            "create operator" => self.action_create_operator,
            "change operator" => self.action_change_operator,
            "end sessions" => self.action_end_sessions,
            "sign in" => self.action_sign_in,
            "sign in by recovery code" => self.action_recover,
            "enter code" => self.action_enter_code,
            "enrol second factor" => self.action_enrol_factor,
            "reset second factor" => self.action_reset_factor,
            "change sign-in rules" => self.action_change_rules,
            _ => self.action_other,
        }
    }
}
