//! What an entry of the audit log says, as one sentence: `refunded ¥12.00 of SO-1 (demo, live)`.
//!
//! A pattern has holes for what an operation is about. The values come from the path of the call, from its `asked` members, and from what the
//! API showed before and after. If a value is missing, the sentence is the plain name of the operation.

use std::collections::BTreeMap;

use domain::{Event, Mode, OperatorRole, Tab};
use serde_json::Value;

use super::{
    money,
    names::{Words, words},
    preferences::Language,
    texts::Texts,
};

/// The names of the apps in the entries of a page, by their ids.
pub(crate) type AppNames = BTreeMap<String, String>;

/// What is done with an app or one of its things. The English verb has two forms: of what was done, and of what was only tried.
#[rustfmt::skip]
fn pattern(action: &str) -> Option<Words> {
    Some(match action {
        "create app"              => words("新建应用 {name}", "created|create the app {name}"),
        "change app"              => words("修改应用设置", "changed|change the app's settings"),
        "rotate key"              => words("更换{key}", "rotated|rotate the {key}"),
        "create session"          => words("生成会话令牌", "created|create a session token"),
        "save channel"            => words("保存{tab}的渠道设置", "saved|save the settings of {tab}"),
        "check channel"           => words("检查{tab}的渠道设置", "checked|check the settings of {tab}"),
        "delete channel"          => words("删除{tab}的渠道设置", "deleted|delete the settings of {tab}"),
        "retire account"          => words("停用{tab}的第 {account} 个账户", "retired|retire account {account} of {tab}"),
        "create webhook"          => words("新增 Webhook {target}", "created|create the webhook {target}"),
        "change webhook"          => words("修改 Webhook {target}", "changed|change the webhook {target}"),
        "delete webhook"          => words("删除 Webhook {target}", "deleted|delete the webhook {target}"),
        "switch webhook"          => words("把 Webhook {target} 切换到{to}", "switched|switch the webhook {target} to {to}"),
        "rotate webhook secret"   => words("更换 Webhook 签名密钥", "rotated|rotate the secret of a webhook"),
        "test webhook"            => words("测试 Webhook {target}", "tested|test the webhook {target}"),
        "resend delivery"         => words("重发订单 {bill} 的“{event}”通知", "sent|send “{event}” of {bill} again"),
        "replay webhook"          => words("批量重发 Webhook 的通知，共 {count} 条", "sent|send {count} deliveries of a webhook again"),
        "replay incident"         => words("重新核对一条异常", "checked|check an incident again"),
        "handle incident"         => words("把订单 {bill} 的异常标记为已处理", "marked|mark an incident of {bill} as handled"),
        "reopen incident"         => words("重新打开订单 {bill} 的异常", "opened|open an incident of {bill} again"),
        "ask for a day"           => words("让{tab}重新对 {day} 的账", "had|have {day} of {tab} compared again"),
        "handle day"              => words("把{tab} {day} 的对账标记为已处理", "marked|mark {day} of {tab} as handled"),
        "reopen day"              => words("重新打开{tab} {day} 的对账", "opened|open {day} of {tab} again"),
        "ask provider"            => words("向渠道查询订单 {bill}", "queried|query the provider about {bill}"),
        "close transaction"       => words("关闭订单 {bill}", "closed|close {bill}"),
        "refund transaction"      => words("退款 {amount}，订单 {bill}", "refunded|refund {amount} of {bill}"),
        "propose refund"          => words("申请退款 {amount}，订单 {bill}", "proposed|propose a refund of {amount} of {bill}"),
        "refund several"          => words("批量退款", "refunded|refund several payments"),
        "propose several"         => words("批量申请退款", "proposed|propose refunds of several payments"),
        "refund none"             => words("批量退款，没有一笔提交成功", "tried to refund several payments; none was begun"),
        "approve refund"          => words("批准订单 {bill} 的退款 {refund}", "approved|approve refund {refund} of {bill}"),
        "withdraw refund"         => words("撤回订单 {bill} 的退款申请 {refund}", "withdrew|withdraw refund {refund} of {bill}"),
        "decline refund"          => words("驳回订单 {bill} 的退款 {refund}", "declined|decline refund {refund} of {bill}"),
        "give up refund"          => words("放弃订单 {bill} 的退款 {refund}", "gave|give up refund {refund} of {bill}"),
        "make checkout"           => words("生成订单 {bill} 的付款链接，{amount}", "made|make a payment link of {amount} for {bill}"),
        "create operator"         => words("新增操作员 {name}，{role}", "added|add the operator {name}, {role}"),
        "change operator"         => words("修改操作员 {operator}", "changed|change the operator {operator}"),
        "end sessions"            => words("退出 {operator} 的全部登录", "signed|sign {operator} out everywhere"),
        "enrol second factor"     => words("为 {operator} 开启两步验证", "set|set up two-step sign-in for {operator}"),
        "reset second factor"     => words("关闭 {operator} 的两步验证", "switched|switch off two-step sign-in for {operator}"),
        "change sign-in rules"    => words("修改登录要求", "changed|change the sign-in rules"),
        "change checkout"         => words("修改收银台外观", "changed|change how checkouts look"),
        "save logo"               => words("上传收银台图标", "saved|save the logo of checkouts"),
        "delete logo"             => words("删除收银台图标", "deleted|delete the logo of checkouts"),
        "save verification file"  => words("添加微信域名校验文件 {file}", "saved|save the verification file {file}"),
        "delete verification file" => words("删除微信域名校验文件 {file}", "deleted|delete the verification file {file}"),
        "change alerts"           => words("修改告警设置", "changed|change where alerts go"),
        "test alerts"             => words("发送一条测试告警", "sent|send a test alert"),
        "take back dead letters"  => words("重新投递死信", "took|take dead letters back"),
        "sign in"                 => words("登录", "signed|sign in"),
        "sign in by recovery code" => words("用恢复码登录", "signed|sign in by a recovery code"),
        "enter code"              => words("输入两步验证码", "entered|enter a code"),
        _ => return None,
    })
}

/// An entry, as the API gives it.
pub(crate) struct Entry<'a> {
    pub(crate) item: &'a Value,
    pub(crate) t: &'static Texts,
    pub(crate) apps: &'a AppNames,
}

impl Entry<'_> {
    fn text(&self, name: &str) -> &str {
        self.item.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn path(&self) -> &str {
        self.text("target").split('?').next().unwrap_or_default()
    }

    /// The id of the app that it is about, if it is about one.
    pub(crate) fn app(&self) -> Option<&str> {
        app_of(self.text("target"))
    }

    /// The sentence, without who did it.
    pub(crate) fn sentence(&self) -> String {
        let action = self.text("action");
        let Some(said) = pattern(self.turn()).and_then(|pattern| self.filled(self.t.say(pattern))) else {
            return self.t.action(action).to_owned();
        };
        match self.context() {
            Some(context) if self.t.language == Language::Zh => format!("{said}（{context}）"),
            Some(context) => format!("{said} ({context})"),
            None => said,
        }
    }

    /// The name of the pattern: the action, or what became of it.
    fn turn(&self) -> &str {
        let after = |name: &str| self.member(&["after"], name).unwrap_or_default();
        match self.text("action") {
            "refund transaction" if after("status") == "proposed" => "propose refund",
            "decline refund" if after("proposedBy") == self.text("who") => "withdraw refund",
            "refund several" => {
                let items = self.item.get("after").and_then(|after| after.get("items")?.as_array());
                let has = |result: &str| items.is_some_and(|items| items.iter().any(|item| item["result"] == result));
                match (items, has("begun"), has("proposed")) {
                    (None, ..) | (Some(_), true, _) => "refund several",
                    (Some(_), false, true) => "propose several",
                    (Some(_), false, false) => "refund none",
                }
            }
            action => action,
        }
    }

    /// The app and the mode: `demo, live`.
    fn context(&self) -> Option<String> {
        let id = self.app()?;
        let name = self.apps.get(id).map_or(id, String::as_str).to_owned();
        let comma = if self.t.language == Language::Zh { "，" } else { ", " };
        Some(self.mode().map_or_else(|| name.clone(), |mode| format!("{name}{comma}{}", self.mode_name(mode))))
    }

    fn mode(&self) -> Option<Mode> {
        let asked = self.query("mode").and_then(|mode| Mode::find(&mode));
        // A webhook that is switched was in the mode before.
        asked.or_else(|| Mode::find(&self.member(&["before", "after", "asked"], "mode")?))
    }

    /// Within a sentence.
    fn mode_name(&self, mode: Mode) -> String {
        if mode == Mode::Live { self.t.live } else { self.t.test }.to_lowercase()
    }

    /// `None` if a value is missing.
    fn filled(&self, pattern: &str) -> Option<String> {
        let was_done = self.text("outcome") == "done";
        let mut rest = pattern;
        let mut said = String::new();
        if let Some((past, after)) = pattern.split_once('|') {
            let (base, after) = after.split_once(' ').unwrap_or((after, ""));
            said = if was_done { past.to_owned() } else { format!("tried to {base}") };
            rest = after;
            if !rest.is_empty() {
                said.push(' ');
            }
        } else if !was_done {
            said.push_str("尝试");
        }
        while let Some((literal, hole)) = rest.split_once('{') {
            let (name, after) = hole.split_once('}')?;
            said.push_str(literal);
            said.push_str(&self.value(name)?);
            rest = after;
        }
        said.push_str(rest);
        Some(said)
    }

    fn value(&self, hole: &str) -> Option<String> {
        let t = self.t;
        let everywhere = ["asked", "after", "before"];
        match hole {
            "amount" => self.amount(&["refundFee", "totalFee"]),
            "bill" => self.query("billNum").or_else(|| self.member(&everywhere, "billNum")),
            "refund" => {
                let num = self.member(&everywhere, "refundNum")?;
                Some(match self.amount(&["refundFee"]) {
                    Some(amount) if t.language == Language::Zh => format!("{num}（{amount}）"),
                    Some(amount) => format!("{num} ({amount})"),
                    None => num,
                })
            }
            "name" => self.member(&everywhere, "name"),
            "role" => {
                self.member(&everywhere, "role").and_then(|role| Some(t.name_of(OperatorRole::find(&role)?).to_owned()))
            }
            "key" => match self.member(&everywhere, "key")?.as_str() {
                "master" => Some(t.master_key.to_lowercase()),
                _ => Some(t.client_key.to_lowercase()),
            },
            "to" => self.member(&["asked"], "mode").and_then(|mode| Some(self.mode_name(Mode::find(&mode)?))),
            "event" => {
                self.member(&everywhere, "event").and_then(|event| Some(t.name_of(Event::find(&event)?).to_owned()))
            }
            "count" => self.number(&["after"], "replayed").map(|count| count.to_string()),
            "target" => self.webhook_target(),
            "tab" => self.tab().map(|tab| t.name_of(tab).to_owned()),
            "account" | "file" => self.path().rsplit('/').next().map(str::to_owned),
            "day" => self.after_segment("reconciliations").map(str::to_owned),
            "operator" => self.after_segment("operators").map(str::to_owned),
            _ => None,
        }
    }

    fn amount(&self, members: &[&str]) -> Option<String> {
        let parts = ["asked", "after", "before"];
        let fen = members.iter().find_map(|name| self.number(&parts, name))?;
        Some(money::in_sentence(fen, self.t.language))
    }

    fn webhook_target(&self) -> Option<String> {
        let target = ["after", "before"].into_iter().find_map(|part| self.item.get(part)?.get("target"));
        let request = || self.item.get("after").and_then(|after| after.get("request")?.get("target"));
        let target = target.or_else(request)?;
        let text = |name: &str| target.get(name).and_then(Value::as_str);
        text("url").or_else(|| text("function")).or_else(|| target.as_str()).map(str::to_owned)
    }

    fn tab(&self) -> Option<Tab> {
        self.path().split('/').find_map(Tab::find)
    }

    fn after_segment(&self, name: &str) -> Option<&str> {
        let mut segments = self.path().split('/').skip_while(|segment| *segment != name);
        segments.nth(1)
    }

    fn query(&self, name: &str) -> Option<String> {
        let (_, asked) = self.text("target").split_once('?')?;
        let mut pairs = form_urlencoded::parse(asked.as_bytes());
        pairs.find(|(found, value)| found == name && !value.is_empty()).map(|(_, value)| value.into_owned())
    }

    fn member(&self, parts: &[&str], name: &str) -> Option<String> {
        parts.iter().find_map(|part| self.item.get(*part)?.get(name)?.as_str().map(str::to_owned))
    }

    fn number(&self, parts: &[&str], name: &str) -> Option<i64> {
        parts.iter().find_map(|part| self.item.get(*part)?.get(name)?.as_i64())
    }
}

/// The id of the app in the target of an entry.
pub(crate) fn app_of(target: &str) -> Option<&str> {
    target.strip_prefix("apps/")?.split(['/', '?']).next().filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        api::routes::{Effect, operations},
        console::texts,
    };

    #[track_caller]
    fn check(item: Value, chinese: &str, english: &str) {
        let apps = AppNames::from([("568a12086e912100017722e5".to_owned(), "demo".to_owned())]);
        let said = |language| Entry { item: &item, t: texts::of(language), apps: &apps }.sentence();
        assert_eq!((said(Language::Zh).as_str(), said(Language::En).as_str()), (chinese, english));
    }

    #[test]
    fn an_entry_is_a_sentence() {
        let app = "apps/568a12086e912100017722e5";
        let refund = json!({
            "action": "refund transaction", "outcome": "done", "asked": { "refundFee": 1200 },
            "target": format!("{app}/transactions/01a208d0524f0f0f0f0f0f0f/refund?mode=live&billNum=SO-1"),
        });
        check(refund.clone(), "退款 ¥12.00，订单 SO-1（demo，正式）", "refunded ¥12.00 of SO-1 (demo, live)");
        let mut refused = refund;
        refused["outcome"] = json!("refused");
        check(refused, "尝试退款 ¥12.00，订单 SO-1（demo，正式）", "tried to refund ¥12.00 of SO-1 (demo, live)");
        let declined = |by: &str| {
            json!({
                "who": "mei", "action": "decline refund", "outcome": "done",
                "after": { "proposedBy": by, "refundNum": "R1", "refundFee": 100 },
                "target": format!("{app}/transactions/01a208d0524f0f0f0f0f0f0f/decline-refund?mode=live&billNum=SO-1"),
            })
        };
        check(
            declined("lin"),
            "驳回订单 SO-1 的退款 R1（¥1.00）（demo，正式）",
            "declined refund R1 (¥1.00) of SO-1 (demo, live)",
        );
        check(
            declined("mei"),
            "撤回订单 SO-1 的退款申请 R1（¥1.00）（demo，正式）",
            "withdrew refund R1 (¥1.00) of SO-1 (demo, live)",
        );
        let given_up = json!({
            "action": "give up refund", "outcome": "refused", "asked": { "refundNum": "R1" }, "before": { "totalFee": 3000 },
            "target": format!("{app}/transactions/01a208d0524f0f0f0f0f0f0f/give-up?mode=live&billNum=SO-1"),
        });
        check(given_up, "尝试放弃订单 SO-1 的退款 R1（demo，正式）", "tried to give up refund R1 of SO-1 (demo, live)");
        let several = |results: &[&str]| {
            let items: Vec<_> = results.iter().map(|result| json!({ "result": result })).collect();
            let target = format!("{app}/refunds?mode=live");
            json!({ "action": "refund several", "outcome": "done", "after": { "items": items }, "target": target })
        };
        check(several(&["refused", "begun"]), "批量退款（demo，正式）", "refunded several payments (demo, live)");
        check(
            several(&["refused", "proposed"]),
            "批量申请退款（demo，正式）",
            "proposed refunds of several payments (demo, live)",
        );
        let none = "tried to refund several payments; none was begun (demo, live)";
        check(several(&["refused"]), "批量退款，没有一笔提交成功（demo，正式）", none);
        let channel =
            json!({ "action": "save channel", "outcome": "done", "target": format!("{app}/channels/ali?mode=test") });
        check(channel, "保存支付宝的渠道设置（demo，测试）", "saved the settings of Alipay (demo, test)");
        let day = json!({
            "action": "handle day", "outcome": "done",
            "target": format!("{app}/reconciliations/2026-11-23/ali/1/handled?mode=live"),
        });
        check(
            day,
            "把支付宝 2026-11-23 的对账标记为已处理（demo，正式）",
            "marked 2026-11-23 of Alipay as handled (demo, live)",
        );
        let key = json!({ "action": "rotate key", "outcome": "done", "target": format!("{app}/keys/rotate"), "asked": { "key": "master", "mode": "test" } });
        check(key, "更换主密钥（demo，测试）", "rotated the master key (demo, test)");
    }

    #[test]
    fn an_entry_of_an_earlier_version_has_at_least_the_name_of_its_operation() {
        let item = json!({ "action": "refund transaction", "outcome": "done", "target": "apps/568a12086e912100017722e5/transactions/01/refund" });
        check(item, "退款", "Refunded a transaction");
        check(json!({ "action": "new thing", "outcome": "done", "target": "x" }), "其他", "Something else");
    }

    #[test]
    fn every_change_has_a_sentence() {
        for operation in operations().filter(|operation| operation.effect == Effect::Change) {
            assert!(pattern(operation.name).is_some(), "{}", operation.name);
        }
    }
}
