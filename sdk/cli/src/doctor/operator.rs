//! What the operator API tells: channels with their certificates, webhooks, deliveries, incidents, alerts and dead letters.

use std::time::Duration;

use domain::{Mode, Timestamp};
use http::Method;
use serde_json::{Value, json};

use super::{Finding, Place, is_forbidden};
use crate::{
    client::Gateway,
    failure::Failure,
    profiles::OPERATOR_TOKEN,
    system::now,
    table::{list, moment, text},
    words::{Words, mode_in_chinese, words},
};

/// A certificate takes days to renew at a provider.
const CERTIFICATES_TOLD_BEFORE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

pub(super) async fn examine(gateway: &Gateway, place: Place, mode: Option<Mode>) -> Vec<Finding> {
    if gateway.setting(OPERATOR_TOKEN).is_none() {
        return Vec::new();
    }
    let app = match gateway.operate_app(Method::GET, "", None).await {
        Ok(app) => app,
        Err(failure) => return vec![Finding::failed("operator_token", &failure)],
    };
    let name = text(&app, "name");
    let mut findings = vec![Finding::good(
        "operator_token",
        words!("运营令牌有效，应用 {name}", "opens the operator API; the app is {name}"),
    )];
    let Some(mode) = mode else {
        findings.push(Finding::doubtful(
            "mode",
            words!(
                "没有可用的主密钥，不知道该看哪种模式",
                "without a master key it is not known which mode to look at"
            ),
            words!("用 maxpay login 填上主密钥", "give the master key by maxpay login"),
        ));
        return findings;
    };
    findings.extend(channels(gateway, &app, mode).await);
    findings.extend(webhooks(gateway, mode).await);
    findings.extend(deliveries(gateway, mode).await);
    findings.extend(incidents(gateway, mode).await);
    if place == Place::Deployed {
        findings.extend(alerts(gateway, mode).await);
        findings.extend(prices(&app, mode));
    }
    findings.extend(dead_letters(gateway).await);
    findings
}

async fn channels(gateway: &Gateway, app: &Value, mode: Mode) -> Vec<Finding> {
    let chinese = mode_in_chinese(mode);
    let of_mode = list(app, "channels").iter().filter(|channel| text(channel, "mode") == mode.name());
    let tabs: Vec<&str> = of_mode.map(|channel| text(channel, "tab")).collect();
    if tabs.is_empty() {
        return vec![Finding::wrong(
            "channels",
            words!("{chinese}模式下没有配置任何支付渠道", "no channel has settings in {mode} mode"),
            words!("在控制台填写渠道的商户参数", "save a channel's settings in the console"),
        )];
    }
    let mut findings = Vec::new();
    for tab in tabs {
        match channel(gateway, tab, mode).await {
            Ok(found) => findings.extend(found),
            Err(failure) if is_forbidden(&failure) => findings.push(Finding::doubtful(
                &format!("channel {tab}"),
                words!("已配置，但这个令牌无权试连", "has settings, which this token may not try"),
                words!("用所有者的令牌再检查一次", "run doctor with an owner's token"),
            )),
            Err(failure) => findings.push(Finding::failed(&format!("channel {tab}"), &failure)),
        }
    }
    findings
}

/// Tries the settings as they are saved: what is masked keeps its value.
async fn channel(gateway: &Gateway, tab: &str, mode: Mode) -> Result<Vec<Finding>, Failure> {
    let settings = gateway.operate_app(Method::GET, &format!("/channels/{tab}?mode={mode}"), None).await?;
    let path = format!("/channels/{tab}/check?mode={mode}");
    let report = gateway.operate_app(Method::POST, &path, Some(&settings)).await?;
    let check = format!("channel {tab}");
    let mut findings: Vec<Finding> = list(&report, "settings")
        .iter()
        .filter(|setting| text(setting, "result") == "wrong")
        .map(|setting| {
            let (field, why) = (text(setting, "field"), text(setting, "why"));
            let remedy = words!("在控制台改正 {field}", "mend {field} in the console");
            Finding::wrong(&check, words!("{field} 不对：{why}", "{field} is wrong: {why}"), remedy)
        })
        .collect();
    let (provider, why) = (text(&report, "provider"), text(&report, "words"));
    if report.get("ok").and_then(Value::as_bool) == Some(true) {
        findings.push(Finding::good(
            &check,
            words!("支付平台认可这些参数（{provider}）", "the provider takes the settings ({provider})"),
        ));
    } else if findings.is_empty() {
        let remedy = words!(
            "对照支付平台商户后台的参数，在控制台改正",
            "compare the settings with the provider's merchant platform"
        );
        findings.push(Finding::wrong(
            &check,
            words!("支付平台不认可（{provider}）{why}", "the provider does not take the settings ({provider}) {why}"),
            remedy,
        ));
    }
    findings.extend(certificates(&check, &report, now()));
    Ok(findings)
}

fn certificates(check: &str, report: &Value, now: Timestamp) -> Option<Finding> {
    let ends = Timestamp::clamped(report.get("certificatesEndTime").and_then(Value::as_i64)?);
    let at = moment(report, "certificatesEndTime");
    let remedy = words!(
        "在支付平台更新证书，再到控制台上传",
        "renew the certificate at the provider, and upload it in the console"
    );
    Some(if ends <= now {
        Finding::wrong(
            check,
            words!("证书已于 {at} 过期，无法收款", "a certificate ended on {at}: payments fail"),
            remedy,
        )
    } else if ends <= now.plus(CERTIFICATES_TOLD_BEFORE) {
        Finding::doubtful(
            check,
            words!("证书 {at} 到期，剩下不到 30 天", "a certificate ends on {at}, in less than 30 days"),
            remedy,
        )
    } else {
        Finding::good(check, words!("证书有效期至 {at}", "the first certificate ends on {at}"))
    })
}

async fn webhooks(gateway: &Gateway, mode: Mode) -> Vec<Finding> {
    let chinese = mode_in_chinese(mode);
    let hooks = match crate::webhooks::all(gateway).await {
        Ok(hooks) => hooks,
        Err(failure) => return vec![Finding::failed("webhooks", &failure)],
    };
    let mine: Vec<&Value> = hooks.iter().filter(|hook| text(hook, "mode") == mode.name()).collect();
    if mine.is_empty() {
        return vec![Finding::doubtful(
            "webhooks",
            words!(
                "{chinese}模式下没有 webhook，付款后不会通知你的服务端",
                "there is no webhook in {mode} mode, so your server hears of no payment"
            ),
            words!("用 maxpay webhooks add 新建", "make one by maxpay webhooks add"),
        )];
    }
    let troubled: Vec<Finding> = mine.iter().filter_map(|hook| trouble(hook)).collect();
    let count = mine.len();
    let good = Finding::good("webhooks", words!("{count} 个 webhook，状态正常", "{count} in {mode} mode, all well"));
    if troubled.is_empty() { vec![good] } else { troubled }
}

fn trouble(webhook: &Value) -> Option<Finding> {
    let id = text(webhook, "id");
    let remedy = words!(
        "让对方服务应答 HTTP 200（maxpay webhooks test {id} 可以试），或修改地址",
        "let that server answer HTTP 200 (maxpay webhooks test {id} tries it), or change the address"
    );
    let warning = text(webhook, "warning");
    if !warning.is_empty() {
        return Some(Finding::wrong("webhooks", words!("{id}：{warning}", "{id}: {warning}"), remedy));
    }
    let health = webhook.get("health")?;
    let (since, failures) = (moment(health, "pausedSince"), health.get("failuresInARow").and_then(Value::as_u64)?);
    if !since.is_empty() {
        let words = words!(
            "{id} 从 {since} 起暂停投递，连续失败 {failures} 次",
            "{id} is paused since {since} after {failures} failures"
        );
        return Some(Finding::wrong("webhooks", words, remedy));
    }
    (failures > 0).then(|| {
        Finding::doubtful(
            "webhooks",
            words!("{id} 最近连续失败 {failures} 次", "{id} failed {failures} times in a row"),
            remedy,
        )
    })
}

async fn deliveries(gateway: &Gateway, mode: Mode) -> Option<Finding> {
    let answer = match gateway.operate_app(Method::GET, "/deliveries?state=exhausted", None).await {
        Ok(answer) => answer,
        Err(failure) => return Some(Finding::failed("deliveries", &failure)),
    };
    let count = list(&answer, "items").iter().filter(|delivery| text(delivery, "mode") == mode.name()).count();
    (count > 0).then(|| {
        Finding::doubtful(
            "deliveries",
            words!("至少 {count} 个事件重试完仍未收到", "at least {count} events were never received"),
            words!(
                "用 maxpay deliveries list --state exhausted 查看，再 maxpay deliveries resend 重发",
                "see maxpay deliveries list --state exhausted, and send them again by maxpay deliveries resend"
            ),
        )
    })
}

async fn incidents(gateway: &Gateway, mode: Mode) -> Option<Finding> {
    let path = format!("/incidents?mode={mode}&state=open");
    let answer = match gateway.operate_app(Method::GET, &path, None).await {
        Ok(answer) => answer,
        Err(failure) => return Some(Finding::failed("incidents", &failure)),
    };
    let count = list(&answer, "items").len();
    (count > 0).then(|| {
        Finding::doubtful(
            "incidents",
            words!("至少 {count} 条异常等人处理", "at least {count} incidents wait for a person"),
            words!("在控制台的“异常”页逐条处理", "deal with them in the console"),
        )
    })
}

async fn alerts(gateway: &Gateway, mode: Mode) -> Option<Finding> {
    let chinese = mode_in_chinese(mode);
    let answer = match gateway.operate_app(Method::GET, "/alerts", None).await {
        Ok(answer) => answer,
        Err(failure) => return Some(Finding::failed("alerts", &failure)),
    };
    let targets: Vec<&Value> =
        list(&answer, "targets").iter().filter(|target| text(target, "mode") == mode.name()).collect();
    let remedy = words!("在控制台设置告警机器人，并点测试", "set up a robot for alerts in the console, and test it");
    if targets.is_empty() {
        let words = words!(
            "{chinese}模式没有告警接收方，出了问题没人知道",
            "no alert target in {mode} mode: nobody hears of trouble"
        );
        return Some(Finding::doubtful("alerts", words, remedy));
    }
    let problem = targets.iter().map(|target| text(target, "lastProblem")).find(|problem| !problem.is_empty());
    Some(match problem {
        Some(problem) => Finding::wrong(
            "alerts",
            words!("最近一条告警没有送到：{problem}", "the latest alert did not arrive: {problem}"),
            remedy,
        ),
        None => Finding::good("alerts", Words::alike(json!(targets.len()).to_string())),
    })
}

/// In live mode a payer who changes the app's price pays less.
fn prices(app: &Value, mode: Mode) -> Option<Finding> {
    let named = app.get("clientsNamePrices").and_then(Value::as_bool) == Some(true);
    (named && mode == Mode::Live).then(|| {
        Finding::doubtful(
            "prices",
            words!("客户端可以自己定价，付款人可能改小金额", "clients may name prices: a payer may change the amount"),
            words!(
                "由服务端下单后，在应用设置里关闭“客户端定价”，并核对每个事件的金额",
                "charge on your server and switch clientsNamePrices off, and compare the amount of each event"
            ),
        )
    })
}

/// Only an owner sees them.
async fn dead_letters(gateway: &Gateway) -> Option<Finding> {
    let answer = match gateway.operate(Method::GET, "/dead-letters", None).await {
        Ok(answer) => answer,
        Err(failure) if is_forbidden(&failure) => return None,
        Err(failure) => return Some(Finding::failed("dead_letters", &failure)),
    };
    let count = answer.get("count").and_then(Value::as_u64).unwrap_or_default();
    (count > 0).then(|| {
        Finding::wrong(
            "dead_letters",
            words!(
                "死信队列里约有 {count} 条消息，网关自身出过故障",
                "about {count} messages are dead letters: the gateway itself failed"
            ),
            words!("查看网关日志，修好后在控制台取回", "read the gateway's logs; then take them back in the console"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Verdict, *};

    #[test]
    #[rustfmt::skip]
    fn a_certificate_is_told_thirty_days_before_its_end() {
        const DAY_MS: i64 = 24 * 60 * 60 * 1000;
        for (end, verdict) in [
            (Some(31 * DAY_MS), Some(Verdict::Good)),
            (Some(30 * DAY_MS), Some(Verdict::Doubtful)),
            (Some(0),           Some(Verdict::Wrong)),
            (None,              None),
        ] {
            let report = json!({ "certificatesEndTime": end });
            let found = certificates("channel ali", &report, Timestamp::clamped(0));
            assert_eq!(found.map(|finding| finding.verdict), verdict, "{end:?}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn a_webhook_in_trouble_is_told() {
        let health = |failures: u64, paused: Option<i64>| json!({ "id": "1", "health": { "failuresInARow": failures, "pausedSince": paused } });
        for (webhook, verdict) in [
            (json!({ "id": "1" }),                                  None),
            (health(0, None),                                       None),
            (health(3, None),                                       Some(Verdict::Doubtful)),
            (health(100, Some(1)),                                  Some(Verdict::Wrong)),
            (json!({ "id": "1", "warning": "not a public address" }), Some(Verdict::Wrong)),
        ] {
            assert_eq!(trouble(&webhook).map(|finding| finding.verdict), verdict, "{webhook}");
        }
    }
}
