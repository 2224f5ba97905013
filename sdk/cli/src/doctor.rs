//! `doctor`: what the settings, the keys, the clock, the channels and the gateway are like, and what to do about what is wrong.

mod finding;
mod keys;
mod operator;

use std::{
    net::IpAddr,
    time::{Duration, UNIX_EPOCH},
};

use domain::Timestamp;
use finding::{Finding, Verdict};
use http::{HeaderMap, Method, StatusCode, Uri, header};
use serde_json::{Value, json};

use crate::{
    client::Gateway,
    failure::{Code, Failure},
    output::Output,
    profiles::{APP_ID, CLIENT_KEY, MASTER_KEY, OPERATOR_TOKEN, Profile, URL},
    system::now,
    words::{Words, words},
};

/// From here on a clock is worth a look; a `Date` is whole seconds, and an answer takes a while.
const CLOCK_DIFFERENCE_DOUBTFUL: Duration = Duration::from_secs(60);

/// Verifiers of webhooks take no message that is older.
const CLOCK_DIFFERENCE_MAX: Duration = Duration::from_secs(300);

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// Nothing is wrong.
    Good,
    /// Something is.
    Bad,
}

/// What kind of gateway it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A local stack, which simulates the providers.
    Local,
    /// On AWS.
    Deployed,
}

pub(crate) async fn doctor(output: Output, profile: Result<Profile, Failure>) -> Result<Health, Failure> {
    let findings = match profile {
        Ok(profile) => examine(output, &profile).await,
        Err(failure) => vec![Finding::failed("settings", &failure)],
    };
    let is_bad = findings.iter().any(|finding| finding.verdict == Verdict::Wrong);
    let shown: Vec<Value> = findings.iter().map(|finding| finding.to_json(output.language)).collect();
    let mut people = Words::default();
    for (number, finding) in findings.iter().enumerate() {
        let line = finding.to_words();
        people = if number == 0 { line } else { people.and_below(&line) };
    }
    let end = if is_bad {
        words!("有问题，请按提示处理", "something is wrong: see the remedies")
    } else {
        words!("没有发现错误", "nothing is wrong")
    };
    output.result(&json!({ "ok": !is_bad, "findings": shown }), &people.and_below(&end));
    Ok(if is_bad { Health::Bad } else { Health::Good })
}

async fn examine(output: Output, profile: &Profile) -> Vec<Finding> {
    let mut findings = vec![settings(profile)];
    let gateway = match Gateway::new(profile.clone(), output) {
        Ok(gateway) => gateway,
        Err(failure) => {
            findings.push(Finding::failed("url", &failure));
            return findings;
        }
    };
    // This needs no key; a deployed gateway answers that there is no such route.
    let (place, headers) = match gateway.play(Method::GET, "/robots", &Value::Null).await {
        Ok(answer) if answer.status() == StatusCode::OK && answer.body().is_array() => {
            (Place::Local, answer.headers().clone())
        }
        Ok(answer) => (Place::Deployed, answer.headers().clone()),
        Err(failure) => {
            findings.push(Finding::failed("reach", &failure));
            return findings;
        }
    };
    if let Err(failure) = gateway.check().await {
        findings.push(Finding::failed("reach", &failure));
        return findings;
    }
    findings.push(reached(&gateway, place));
    findings.extend(transport(gateway.url()));
    findings.push(clock(&headers, now()));
    let mode = keys::examine(&gateway, &mut findings).await;
    findings.extend(operator::examine(&gateway, place, mode).await);
    findings
}

fn settings(profile: &Profile) -> Finding {
    let set = |setting: &crate::profiles::Setting| profile.value(*setting).is_some();
    let names = |is_set| {
        let all = [URL, APP_ID, CLIENT_KEY, MASTER_KEY, OPERATOR_TOKEN];
        all.iter().filter(|setting| set(setting) == is_set).map(|setting| setting.name).collect::<Vec<_>>().join(", ")
    };
    let (has, lacks) = (names(true), names(false));
    if lacks.is_empty() {
        return Finding::good("settings", words!("配置齐全：{has}", "complete: {has}"));
    }
    let remedy = words!(
        "执行 maxpay login，或设置对应的环境变量；网址、应用 ID 和至少一个密钥必不可少",
        "run maxpay login or set their variables; url, app_id and at least one key are needed"
    );
    let words = words!("有 {has}；没有 {lacks}", "has {has}; lacks {lacks}");
    let has_key = [CLIENT_KEY, MASTER_KEY, OPERATOR_TOKEN].iter().any(set);
    if set(&URL) && set(&APP_ID) && has_key {
        Finding::doubtful("settings", words, remedy)
    } else {
        Finding::wrong("settings", words, remedy)
    }
}

fn reached(gateway: &Gateway, place: Place) -> Finding {
    let url = gateway.url();
    match place {
        Place::Local => {
            Finding::good("reach", words!("{url} 可以访问，是本地网关", "{url} answers; it is a local stack"))
        }
        Place::Deployed => {
            Finding::good("reach", words!("{url} 可以访问，是部署好的网关", "{url} answers; it is a deployed gateway"))
        }
    }
}

/// Keys in clear on a network belong to everybody on it.
fn transport(url: &str) -> Option<Finding> {
    let uri = url.parse::<Uri>().ok()?;
    let host = uri.host()?.to_ascii_lowercase();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    (uri.scheme_str() == Some("http") && !is_here).then(|| {
        Finding::wrong(
            "transport",
            words!("{url} 没有加密，密钥在网络上是明文", "{url} is not encrypted: the keys travel in clear"),
            words!(
                "换成 https 网址，并更换已经用过的密钥",
                "use the https address, and rotate the keys that were used"
            ),
        )
    })
}

fn clock(headers: &HeaderMap, now: Timestamp) -> Finding {
    let remedy = words!("打开系统的自动对时（NTP）", "let the system set its clock (NTP)");
    let date = headers.get(header::DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    let theirs = date.and_then(|date| i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok());
    let Some(theirs) = theirs.map(Timestamp::clamped) else {
        let words = words!("网关没有给出时间，无法比较", "the gateway's answer has no date to compare with");
        return Finding::doubtful("clock", words, remedy);
    };
    let difference = now.distance(theirs);
    let seconds = difference.as_secs();
    let words = words!("本机与网关相差 {seconds} 秒", "this machine and the gateway differ by {seconds} s");
    if difference > CLOCK_DIFFERENCE_MAX {
        Finding::wrong("clock", words, remedy)
    } else if difference > CLOCK_DIFFERENCE_DOUBTFUL {
        Finding::doubtful("clock", words, remedy)
    } else {
        Finding::good("clock", words)
    }
}

/// Whether a call was refused for want of rights alone.
fn is_forbidden(failure: &Failure) -> bool {
    matches!(failure.code, Code::Operator { status: 403, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn keys_go_in_clear_to_this_machine_alone() {
        for (url, wrong) in [
            ("https://pay.example",        false),
            ("http://127.0.0.1:8787",      false),
            ("http://localhost/prod",      false),
            ("http://LocalHost:8787",      false),
            ("http://localhost.pay.example", true),
            ("http://[::1]:8787",          false),
            ("http://pay.example",         true),
            ("http://10.0.0.7:8787",       true),
            ("http://127.0.0.1.pay.example", true),
            ("http://[2001:db8::1]:8787",  true),
        ] {
            assert_eq!(transport(url).is_some(), wrong, "{url}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn a_clock_is_compared_with_the_gateways() {
        let at = 784_111_777_000;
        for (date, now, verdict) in [
            (Some("Sun, 06 Nov 1994 08:49:37 GMT"), at,           Verdict::Good),
            (Some("Sun, 06 Nov 1994 08:49:37 GMT"), at - 61_000,  Verdict::Doubtful),
            (Some("Sun, 06 Nov 1994 08:49:37 GMT"), at + 301_000, Verdict::Wrong),
            (Some("yesterday"),                     at,           Verdict::Doubtful),
            (None,                                  at,           Verdict::Doubtful),
        ] {
            let headers: HeaderMap = date.map(|date| (header::DATE, date.parse().unwrap())).into_iter().collect();
            assert_eq!(clock(&headers, Timestamp::clamped(now)).verdict, verdict, "{date:?} {now}");
        }
    }

    #[test]
    fn address_app_and_a_key_are_needed_and_other_keys_may_lack() {
        let mut profile = Profile::default();
        assert_eq!(settings(&profile).verdict, Verdict::Wrong);
        profile.set(URL, "http://127.0.0.1:8787");
        profile.set(APP_ID, "a");
        assert_eq!(settings(&profile).verdict, Verdict::Wrong);
        profile.set(CLIENT_KEY, "hush");
        assert_eq!(settings(&profile).verdict, Verdict::Doubtful);
        [CLIENT_KEY, MASTER_KEY, OPERATOR_TOKEN].into_iter().for_each(|setting| profile.set(setting, "hush"));
        assert_eq!(settings(&profile).verdict, Verdict::Good);
    }
}
