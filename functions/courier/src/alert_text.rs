//! What an alert says, in both languages. One message has all that is told to a target at once, one line each.

use domain::{Alert, AlertFact, AlertLanguage, Channel, HandedAlerts, IncidentKind, Mode, Tab, Timestamp};

/// The shortest bound of the services is WeCom's: 2,048 bytes.
const BYTES_MAX: usize = 1900;

/// What is left for the app's name and the address at the end. The lines have the rest.
const FRAME_BYTES: usize = 500;

/// What stands in a line from outside, such as a bill's number.
const VALUE_CHARS_MAX: usize = 64;

/// What the alerts are of.
#[derive(Clone, Debug)]
pub struct AlertSubject<'a> {
    /// The name of the app.
    pub app: &'a str,
    /// The mode.
    pub mode: Mode,
    /// Where people look next.
    pub console: String,
}

/// A text in both languages.
struct Both {
    zh: String,
    en: String,
}

fn both(zh: impl Into<String>, en: impl Into<String>) -> Both {
    Both { zh: zh.into(), en: en.into() }
}

impl Both {
    fn of(self, language: AlertLanguage) -> String {
        match language {
            AlertLanguage::Zh => self.zh,
            AlertLanguage::En => self.en,
        }
    }
}

/// The message with these alerts. Robots that ask for a keyword find `MaxPay` in each.
pub fn alert_text(subject: &AlertSubject<'_>, handed: &HandedAlerts) -> String {
    let language = handed.target.language;
    let mut text = head(subject).of(language);
    let mut left = handed.more;
    for alert in &handed.alerts {
        let line = line(alert).of(language);
        if text.len() + line.len() <= BYTES_MAX - FRAME_BYTES {
            text = format!("{text}\n· {line}");
        } else {
            left = left.saturating_add(1);
        }
    }
    if left > 0 {
        text = format!("{text}\n{}", both(format!("另有 {left} 条"), format!("and {left} more")).of(language));
    }
    format!("{text}\n{}", subject.console)
}

/// The message of the console's test.
pub fn test_text(subject: &AlertSubject<'_>, language: AlertLanguage) -> String {
    let said = both("这是一条测试消息，收到即说明告警可以送达。", "This is a test: alerts arrive here.").of(language);
    format!("{}\n{said}\n{}", head(subject).of(language), subject.console)
}

fn head(subject: &AlertSubject<'_>) -> Both {
    let app = plain(subject.app);
    match subject.mode {
        Mode::Live => both(format!("【MaxPay 告警】{app}"), format!("[MaxPay alert] {app}")),
        Mode::Test => both(format!("【MaxPay 告警】{app}（测试环境）"), format!("[MaxPay alert] {app} (test mode)")),
    }
}

fn line(alert: &Alert) -> Both {
    match &alert.fact {
        AlertFact::Incident { kind, bill } | AlertFact::Refund { kind, bill } => {
            let (Both { zh, en }, bill) = (incident(kind), plain(bill));
            let at = moment(alert.at_ms);
            both(format!("{zh}，订单 {bill}（{at}）"), format!("{en}, bill {bill} ({at})"))
        }
        AlertFact::Target { name, since_ms } => {
            let (name, since) = (plain(name), moment(*since_ms));
            both(format!("Webhook {name} 从 {since} 起一直投递失败"), format!("The webhook {name} fails since {since}"))
        }
        AlertFact::Unfetched { webhook, since_ms } => {
            let (webhook, since) = (plain(webhook), moment(*since_ms));
            both(
                format!("Webhook {webhook} 的事件从 {since} 起无人拉取，满 7 天会放弃"),
                format!(
                    "Nobody fetches the events of the webhook {webhook} since {since}; each is given up after 7 days"
                ),
            )
        }
        AlertFact::Reconciliation { day, tab, differences } => {
            let (Both { zh, en }, day) = (tab_words(tab), plain(day));
            match differences {
                Some(count) => both(
                    format!("{zh} {day} 对账有 {count} 处差异"),
                    format!("{day} of {en} differs from the provider's bill in {count} places"),
                ),
                None => both(
                    format!("{zh} {day} 的对账未完成"),
                    format!("{day} of {en} could not be compared with the provider's bill"),
                ),
            }
        }
        AlertFact::PaymentsStopped { since_ms, paid, usual } => {
            let hour = moment(*since_ms);
            both(
                format!("{hour} 起一小时只有 {paid} 笔支付，往周同一时段至少 {usual} 笔"),
                format!("{paid} payments in the hour from {hour}; in other weeks there are {usual} or more"),
            )
        }
        AlertFact::SuccessRate { channel, until_ms, percent, usual } => {
            let (Both { zh, en }, until) = (channel_words(channel), moment(*until_ms));
            both(
                format!("{zh}支付成功率降到 {percent}%，平时为 {usual}%（截至 {until}）"),
                format!("{percent}% of the tries by {en} are paid, usually {usual}% (until {until})"),
            )
        }
        AlertFact::Certificate { tab, ends_ms } => {
            let (Both { zh, en }, ends) = (tab_words(tab), moment(*ends_ms));
            both(format!("{zh}的证书将于 {ends} 到期"), format!("A certificate of {en} ends at {ends}"))
        }
        AlertFact::DeadLetters { count } => both(
            format!("有 {count} 条死信等待处理（整个部署）"),
            format!("{count} dead letters wait (of the whole deployment)"),
        ),
    }
}

/// In Beijing time, without the seconds: `2026-11-23 22:30`.
fn moment(ms: i64) -> String {
    Timestamp::clamped(ms).to_beijing().chars().take(16).collect()
}

/// A value from outside in one line. Feishu reads tags in a text, such as one that calls everybody.
fn plain(text: &str) -> String {
    let sign = |sign: char| match sign {
        '<' => '‹',
        '>' => '›',
        _ if sign.is_control() => ' ',
        _ => sign,
    };
    text.chars().take(VALUE_CHARS_MAX).map(sign).collect()
}

fn incident(kind: &str) -> Both {
    let Some(kind) = IncidentKind::find(kind) else { return both("异常", "An incident") };
    match kind {
        IncidentKind::Account => both("收款账号不符", "Another account was paid"),
        IncidentKind::Amount => both("金额不符", "Another amount was paid"),
        IncidentKind::ClosedAfterPayment => both("支付后渠道又返回关闭", "Closed after the payment"),
        IncidentKind::DayNotCompared => both("对账未完成", "A day was not compared"),
        IncidentKind::Duplicate => both("重复支付", "Paid twice"),
        IncidentKind::Order => both("订单号不符", "A report of another order"),
        IncidentKind::PaidAgain => both("同一订单两个交易号", "Paid under another trade number"),
        IncidentKind::Price => both("付款金额与服务端定价不一致", "Paid at another price"),
        IncidentKind::RefundAmount => both("退款金额不符", "Another refund amount"),
        IncidentKind::RefundContradiction | IncidentKind::RefundUnknown => {
            both("退款通知与记录矛盾", "A refund contradicts the books")
        }
        IncidentKind::RefundFailed => both("自动退款失败", "A refund did not go back"),
        IncidentKind::RefundPaused => both("退款等待商户余额", "A refund waits for the balance"),
        IncidentKind::RefundStuck => both("退款异常，需人工处理", "A refund is stuck"),
        IncidentKind::RefundedTooMuch => both("退款超过支付金额", "More was refunded than paid"),
        IncidentKind::Unknown => both("未知订单", "A report of an unknown order"),
        IncidentKind::Forged => both("验签失败的通知", "A message could not be verified"),
    }
}

fn tab_words(tab: &str) -> Both {
    let Some(tab) = Tab::find(tab) else { return both(plain(tab), plain(tab)) };
    match tab {
        Tab::Ali => both("支付宝", "Alipay"),
        Tab::WxApp => both("微信 App", "WeChat (app)"),
        Tab::WxMp => both("微信公众号/小程序/扫码", "WeChat (account, mini program, QR)"),
        Tab::UnipayApp => both("银联 App", "UnionPay (app)"),
        Tab::UnipayWeb => both("银联网页", "UnionPay (web)"),
    }
}

fn channel_words(channel: &str) -> Both {
    let Some(channel) = Channel::find(channel) else { return both(plain(channel), plain(channel)) };
    let Both { zh, en } = tab_words(channel.tab().name());
    both(format!("{zh}（{channel}）"), format!("{en}, {channel},"))
}

#[cfg(test)]
mod tests {
    use domain::{AlertAddress, AlertCause, AlertKind, AlertTarget, AlertTargetId};

    use super::*;

    fn handed(language: AlertLanguage, facts: Vec<AlertFact>, more: u64) -> HandedAlerts {
        let address = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k";
        let target = AlertTarget {
            id: AlertTargetId::parse("01a208d05240070707070707").unwrap(),
            kind: AlertKind::Wecom,
            address: AlertAddress::parse(AlertKind::Wecom, address, None).unwrap(),
            secret: None,
            mode: Mode::Live,
            language,
            causes: AlertCause::ALL.to_vec(),
            since: Timestamp::clamped(0),
        };
        let alert = |fact| Alert::new(fact, "x", Timestamp::clamped(0));
        HandedAlerts { target, alerts: facts.into_iter().map(alert).collect(), more }
    }

    fn subject(app: &str) -> AlertSubject<'_> {
        AlertSubject { app, mode: Mode::Live, console: "https://pay.example.com/console".to_owned() }
    }

    #[test]
    fn each_cause_is_said_in_both_languages() {
        const AT: i64 = 1_795_444_200_000;
        let facts = [
            AlertFact::Incident { kind: "amount".to_owned(), bill: "b-1".to_owned() },
            AlertFact::Refund { kind: "refund-stuck".to_owned(), bill: "b-1".to_owned() },
            AlertFact::Target { name: "shop.example".to_owned(), since_ms: AT },
            AlertFact::Unfetched { webhook: "01a208d05240070707070707".to_owned(), since_ms: AT },
            AlertFact::Reconciliation { day: "2026-11-22".to_owned(), tab: "ali".to_owned(), differences: Some(2) },
            AlertFact::Reconciliation { day: "2026-11-22".to_owned(), tab: "ali".to_owned(), differences: None },
            AlertFact::PaymentsStopped { since_ms: AT, paid: 0, usual: 50 },
            AlertFact::SuccessRate { channel: "ali_web".to_owned(), until_ms: AT, percent: 10, usual: 80 },
            AlertFact::Certificate { tab: "ali".to_owned(), ends_ms: AT },
            AlertFact::DeadLetters { count: 3 },
        ];
        for fact in facts {
            let zh = alert_text(&subject("茶馆"), &handed(AlertLanguage::Zh, vec![fact.clone()], 0));
            let en = alert_text(&subject("tea"), &handed(AlertLanguage::En, vec![fact], 0));
            assert!(en.is_ascii() || en.contains('·'), "{en}");
            assert!(zh.starts_with("【MaxPay 告警】茶馆\n· ") && zh.lines().count() == 3, "{zh}");
            assert!(!en.chars().any(|sign| ('\u{4e00}'..='\u{9fff}').contains(&sign)), "{en}");
        }
    }

    #[test]
    fn a_message_fits_and_what_does_not_is_counted() {
        let bill = "单".repeat(200);
        let facts = vec![AlertFact::Incident { kind: "amount".to_owned(), bill }; 20];
        let text = alert_text(&subject(&"茶".repeat(64)), &handed(AlertLanguage::Zh, facts, 7));
        assert!(text.len() <= 2048, "{}", text.len());
        let lines = text.lines().filter(|line| line.starts_with('·')).count();
        assert!(text.contains(&format!("另有 {} 条", 27 - lines)), "{text}");
    }

    #[test]
    fn a_bill_number_calls_nobody() {
        let bill = "<at user_id=\"all\">\n".to_owned();
        let text = alert_text(
            &subject("tea"),
            &handed(AlertLanguage::En, vec![AlertFact::Incident { kind: "x".to_owned(), bill }], 0),
        );
        assert!(text.contains("An incident, bill ‹at user_id=\"all\"›  (1970-01-01 08:00)\nhttps"), "{text}");
    }
}
