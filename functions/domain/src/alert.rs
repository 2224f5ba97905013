//! Alerts: what an app's people are told, and where: the robots of WeCom, DingTalk and Feishu, and topics of SNS.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{AlertTargetId, Mode, Secret, Timestamp, closed_list};

closed_list! {
    /// What takes an alert.
    pub enum AlertKind {
        /// A robot of a group in WeCom (企业微信).
        Wecom = "wecom",
        /// A robot of a group in DingTalk (钉钉).
        Dingtalk = "dingtalk",
        /// A robot of a group in Feishu (飞书) or Lark.
        Feishu = "feishu",
        /// A topic of SNS, which sends mail.
        Sns = "sns",
    }
}

/// The form of a robot's address: one of these servers, this path, and the robot's token.
struct AddressForm {
    servers: &'static [&'static str],
    path: &'static str,
}

impl AlertKind {
    /// # Source
    /// WeCom: <https://developer.work.weixin.qq.com/document/path/91770>, DingTalk:
    /// <https://open.dingtalk.com/document/robots/custom-robot-access>, Feishu:
    /// <https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot>
    fn form(self) -> Option<AddressForm> {
        let (servers, path): (&[_], _) = match self {
            Self::Wecom => (&["https://qyapi.weixin.qq.com"], "/cgi-bin/webhook/send?key="),
            Self::Dingtalk => (&["https://oapi.dingtalk.com"], "/robot/send?access_token="),
            Self::Feishu => (&["https://open.feishu.cn", "https://open.larksuite.com"], "/open-apis/bot/v2/hook/"),
            Self::Sns => return None,
        };
        Some(AddressForm { servers, path })
    }

    /// Whether it can be asked to check a signature.
    pub fn signs(self) -> bool {
        match self {
            Self::Dingtalk | Self::Feishu => true,
            Self::Wecom | Self::Sns => false,
        }
    }
}

/// A robot's address, or the ARN of a topic. The last part of a robot's address is a secret. An ARN has no secret part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertAddress {
    public: String,
    token: Secret<String>,
}

impl AlertAddress {
    const TOKEN_CHARS_MAX: usize = 128;

    /// Reads an address of this kind. `local` is where the robots of the local stack are.
    pub fn parse(kind: AlertKind, text: &str, local: Option<&str>) -> Option<Self> {
        let Some(AddressForm { servers, path }) = kind.form() else { return Self::parse_topic(text) };
        let local = local.map(|local| format!("{local}/{kind}"));
        let servers = servers.iter().copied().chain(local.as_deref());
        let token = servers.filter_map(|server| text.strip_prefix(server)?.strip_prefix(path)).next()?;
        let is_token = |sign: u8| sign.is_ascii_alphanumeric() || b"-_".contains(&sign);
        let fits = (1..=Self::TOKEN_CHARS_MAX).contains(&token.len()) && token.bytes().all(is_token);
        let public = text.strip_suffix(token).filter(|_| fits)?;
        Some(Self { public: public.to_owned(), token: Secret::new(token.to_owned()) })
    }

    /// `arn:aws:sns:eu-central-1:123456789012:alerts-shop`
    fn parse_topic(text: &str) -> Option<Self> {
        let ["arn", partition, "sns", region, account, topic] = *text.split(':').collect::<Vec<_>>() else {
            return None;
        };
        let is_word = |word: &str| {
            (1..=256).contains(&word.len())
                && word.bytes().all(|sign| sign.is_ascii_alphanumeric() || b"-_".contains(&sign))
        };
        let is_account = account.len() == 12 && account.bytes().all(|sign| sign.is_ascii_digit());
        let fits = partition.starts_with("aws") && [partition, region, topic].into_iter().all(is_word) && is_account;
        fits.then(|| Self { public: text.to_owned(), token: Secret::new(String::new()) })
    }

    /// Puts the parts together that were kept apart.
    pub fn of_parts(public: String, token: Secret<String>) -> Self {
        Self { public, token }
    }

    /// The part that may be shown.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The part that is a secret. Empty for a topic.
    pub fn token(&self) -> &Secret<String> {
        &self.token
    }

    /// The whole address.
    pub fn whole(&self) -> Secret<String> {
        Secret::new(format!("{}{}", self.public, self.token.expose()))
    }
}

closed_list! {
    /// What an alert is about.
    pub enum AlertCause {
        /// Something that a person has to look at.
        Incident = "incident",
        /// A refund that does not go on by itself.
        Refund = "refund",
        /// A webhook whose target fails for an hour, or whose events nobody fetches for a day.
        Target = "target",
        /// A day whose books differ from the provider's bill, or could not be compared with it.
        Reconciliation = "reconciliation",
        /// There are far fewer payments than in the same hour of the weeks before.
        PaymentsStopped = "payments-stopped",
        /// Far fewer tries of a channel are paid than usual.
        SuccessRate = "success-rate",
        /// A certificate of a channel ends soon.
        Certificate = "certificate",
        /// Messages of a queue that nobody could process.
        DeadLetters = "dead-letters",
    }
}

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

impl AlertCause {
    /// A target that fails for less is tried again by the schedule of deliveries, and most are back by then.
    pub const TARGET_FAILS_FOR: Duration = HOUR;

    /// A batch job may fetch its events once a day.
    pub const UNFETCHED_FOR: Duration = Duration::from_secs(25 * 3600);

    /// Whether it is told in quiet hours, too: money or goods stand still while people sleep.
    pub fn is_urgent(self) -> bool {
        match self {
            Self::Target | Self::PaymentsStopped | Self::SuccessRate => true,
            Self::Incident | Self::Refund | Self::Reconciliation | Self::Certificate | Self::DeadLetters => false,
        }
    }

    /// After which time it is told again while it lasts. `None` if it does not last: it is told once.
    pub fn told_again_after(self) -> Option<Duration> {
        match self {
            Self::Incident | Self::Refund | Self::Reconciliation => None,
            Self::Target | Self::PaymentsStopped | Self::SuccessRate | Self::DeadLetters => Some(DAY),
            // It is known weeks before.
            Self::Certificate => Some(DAY * 7),
        }
    }
}

closed_list! {
    /// The language of alerts.
    pub enum AlertLanguage {
        /// Chinese.
        Zh = "zh",
        /// English.
        En = "en",
    }
}

/// Where alerts of an app go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertTarget {
    /// Its id.
    pub id: AlertTargetId,
    /// What it is.
    pub kind: AlertKind,
    /// Its address.
    pub address: AlertAddress,
    /// The secret by which it checks signatures, if it was asked to.
    pub secret: Option<Secret<String>>,
    /// The mode that it hears of.
    pub mode: Mode,
    /// Its language.
    pub language: AlertLanguage,
    /// What it hears of.
    pub causes: Vec<AlertCause>,
    /// Since when it hears of these causes in this mode. What happened before is not told.
    pub since: Timestamp,
}

impl AlertTarget {
    /// Whether an alert is for it.
    pub fn hears(&self, alert: &Alert) -> bool {
        self.causes.contains(&alert.fact.cause()) && alert.at_ms >= self.since.ms()
    }
}

/// Hours in Beijing in which only urgent alerts are told. The others wait until they are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    from: u8,
    to: u8,
}

impl QuietHours {
    /// From one full hour to another, through midnight if the second is the smaller one. `None` if one is not from 0 to 23, or both are
    /// the same.
    pub fn new(from: u8, to: u8) -> Option<Self> {
        (from < 24 && to < 24 && from != to).then_some(Self { from, to })
    }

    /// The hour at which they begin.
    pub fn from(self) -> u8 {
        self.from
    }

    /// The hour at which they end.
    pub fn to(self) -> u8 {
        self.to
    }

    /// Whether a moment lies in them.
    pub fn include(self, moment: Timestamp) -> bool {
        const BEIJING_HOURS: i64 = 8;
        let hour = (moment.seconds() / 3600 + BEIJING_HOURS) % 24;
        let (from, to) = (i64::from(self.from), i64::from(self.to));
        if from < to { (from..to).contains(&hour) } else { hour >= from || hour < to }
    }
}

/// The alerts of an app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertSettings {
    /// What happened before is not told. It is the time at which the first target was set up; `None` without a target.
    pub since: Option<Timestamp>,
    /// When it shall be quiet.
    pub quiet: Option<QuietHours>,
    /// Where alerts go.
    pub targets: Vec<AlertTarget>,
}

impl AlertSettings {
    /// Two groups of people in each mode, and mail. More would only repeat the same.
    pub const TARGETS_MAX: usize = 5;

    /// The targets that hear of a mode.
    pub fn hearing(&self, mode: Mode) -> impl Iterator<Item = &AlertTarget> {
        self.targets.iter().filter(move |target| target.mode == mode)
    }

    /// Whether a target hears of this cause in this mode.
    pub fn wants(&self, mode: Mode, cause: AlertCause) -> bool {
        self.hearing(mode).any(|target| target.causes.contains(&cause))
    }
}

/// What happened. It is kept while it waits to be told, so that a word of a closed list is a text here: an older version may read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum AlertFact {
    /// An incident of this kind.
    Incident {
        /// The word of its kind.
        kind: String,
        /// The number of the bill.
        bill: String,
    },
    /// An incident of a refund.
    Refund {
        /// The word of its kind.
        kind: String,
        /// The number of the bill.
        bill: String,
    },
    /// A target fails.
    Target {
        /// The server, or the name of the function.
        name: String,
        /// Since when.
        since_ms: i64,
    },
    /// The merchant's program does not fetch its events.
    Unfetched {
        /// The id of the webhook.
        webhook: String,
        /// When the oldest of them happened.
        since_ms: i64,
    },
    /// A day of an account.
    Reconciliation {
        /// The day.
        day: String,
        /// The tab.
        tab: String,
        /// How many differences it has; `None` if it could not be compared.
        differences: Option<i64>,
    },
    /// Payments stopped.
    PaymentsStopped {
        /// When the hour began.
        since_ms: i64,
        /// How many payments there were.
        paid: i64,
        /// How many there are usually, as far as they were counted.
        usual: i64,
    },
    /// A success rate fell.
    SuccessRate {
        /// The channel.
        channel: String,
        /// When the hour ended.
        until_ms: i64,
        /// Of a hundred tries, so many were paid.
        percent: i64,
        /// How many are paid usually.
        usual: i64,
    },
    /// A certificate ends.
    Certificate {
        /// The tab.
        tab: String,
        /// When.
        ends_ms: i64,
    },
    /// There are dead letters.
    DeadLetters {
        /// About how many.
        count: i64,
    },
}

impl AlertFact {
    /// The cause of the alert.
    pub fn cause(&self) -> AlertCause {
        match self {
            Self::Incident { .. } => AlertCause::Incident,
            Self::Refund { .. } => AlertCause::Refund,
            Self::Target { .. } | Self::Unfetched { .. } => AlertCause::Target,
            Self::Reconciliation { .. } => AlertCause::Reconciliation,
            Self::PaymentsStopped { .. } => AlertCause::PaymentsStopped,
            Self::SuccessRate { .. } => AlertCause::SuccessRate,
            Self::Certificate { .. } => AlertCause::Certificate,
            Self::DeadLetters { .. } => AlertCause::DeadLetters,
        }
    }
}

/// One alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Two alerts with one key are the same.
    pub key: String,
    /// When it happened or was seen.
    pub at_ms: i64,
    /// What happened.
    pub fact: AlertFact,
}

impl Alert {
    /// `detail` tells it from others of its cause.
    pub fn new(fact: AlertFact, detail: &str, at: Timestamp) -> Self {
        Self { key: format!("{}#{detail}", fact.cause()), at_ms: at.ms(), fact }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn an_address_is_one_of_its_kind() {
        use AlertKind::{Dingtalk, Feishu, Sns, Wecom};
        const LOCAL: &str = "http://127.0.0.1:1/_local/robot";
        const CASES: &[(AlertKind, &str, Option<&str>)] = &[
            (Wecom,    "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a-7",      Some("693a-7")),
            (Wecom,    "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=",            None),
            (Wecom,    "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=a&debug=1",   None),
            (Wecom,    "http://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=a",            None),
            (Wecom,    "https://qyapi.weixin.qq.com.evil.example/cgi-bin/webhook/send?key=a", None),
            (Wecom,    "http://127.0.0.1:1/_local/robot/wecom/cgi-bin/webhook/send?key=a", Some("a")),
            (Dingtalk, "http://127.0.0.1:1/_local/robot/wecom/cgi-bin/webhook/send?key=a", None),
            (Dingtalk, "https://oapi.dingtalk.com/robot/send?access_token=0f",             Some("0f")),
            (Feishu,   "https://open.feishu.cn/open-apis/bot/v2/hook/x-1",                 Some("x-1")),
            (Feishu,   "https://open.larksuite.com/open-apis/bot/v2/hook/x-1",             Some("x-1")),
            (Feishu,   "https://open.feishu.cn/open-apis/bot/v2/hook/../x",                None),
            (Sns,      "arn:aws:sns:eu-central-1:123456789012:alerts-shop",                Some("")),
            (Sns,      "arn:aws-cn:sns:cn-north-1:123456789012:alerts-shop",               Some("")),
            (Sns,      "arn:aws:sqs:eu-central-1:123456789012:alerts-shop",                None),
            (Sns,      "arn:aws:sns:eu-central-1:12345678901:alerts-shop",                 None),
            (Sns,      "arn:aws:sns:eu-central-1:123456789012:alerts-shop:sub",            None),
        ];
        for (kind, text, token) in CASES {
            let found = AlertAddress::parse(*kind, text, Some(LOCAL));
            assert_eq!(found.as_ref().map(|found| found.token().expose().as_str()), *token, "{text}");
            if let Some(found) = found {
                assert_eq!((found.whole().expose().as_str(), found.public()), (*text, text.strip_suffix(token.unwrap()).unwrap()));
            }
        }
        assert_eq!(AlertAddress::parse(Wecom, CASES[5].1, None), None);
    }

    #[test]
    #[rustfmt::skip]
    fn quiet_hours_are_beijings_and_may_go_through_midnight() {
        // 2026-11-23 22:30 in Beijing.
        const AT: i64 = 1_795_444_200_000;
        const CASES: &[(u8, u8, i64, bool)] = &[
            (22, 8,  0,  true),
            (23, 8,  0,  false),
            (22, 8,  9,  true),
            (22, 8,  10, false), // 08:30
            (9,  18, 0,  false),
            (21, 23, 0,  true),
            (20, 22, 0,  false),
        ];
        for (from, to, hours, expect) in CASES {
            let moment = Timestamp::clamped(AT + hours * 3_600_000);
            assert_eq!(QuietHours::new(*from, *to).unwrap().include(moment), *expect, "{from} {to} {hours}");
        }
        assert!(QuietHours::new(8, 8).is_none() && QuietHours::new(24, 8).is_none());
    }

    #[test]
    fn a_fact_has_the_word_of_its_cause() {
        let fact = AlertFact::PaymentsStopped { since_ms: 1, paid: 0, usual: 20 };
        let json = serde_json::to_value(&fact).unwrap();
        assert_eq!(json["cause"], fact.cause().name());
        assert_eq!(serde_json::from_value::<AlertFact>(json).unwrap(), fact);
        assert_eq!(Alert::new(fact, "x", Timestamp::clamped(2)).key, "payments-stopped#x");
    }
}
