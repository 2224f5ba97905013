//! The paths between functions and the outside: providers, webhooks and notifies, with the faults of each.

use std::{collections::BTreeMap, sync::Weak};

use bytes::Bytes;
use outbound::{Outbound, Unanswered};
use serde_json::{Value, json};

use crate::{
    aws::{End, pass},
    faults::Fault,
    ledger::Arrival,
    time::{DAY_MS, MINUTE_MS, SECOND_MS, sleep},
    world::{URL, World},
};

/// Longer than any client waits for an answer.
const FOR_EVER_MS: i64 = 120 * SECOND_MS;

/// In the worst case a notify is repeated this many times.
const HUNDREDFOLD: u32 = 100;

/// No provider's notify is this long.
const TOO_LONG: usize = 2 * 1024 * 1024;

type Answered = Result<http::Response<Bytes>, Unanswered>;

/// A sandbox's path to providers and webhooks.
pub(crate) fn way(world: Weak<World>) -> Outbound {
    Outbound::simulated(std::sync::Arc::new(move |request| {
        let world = world.clone();
        Box::pin(async move {
            let world = world.upgrade().ok_or(Unanswered::Unconnected)?;
            let from_s = |ms: i64| world.with_faults(|faults| faults.random().i64(ms / 10..ms));
            sleep(from_s(60)).await;
            pass(End::BeforeCall).await;
            let answered = if request.uri().path().starts_with("/simulator/") {
                ask_provider(&world, request).await
            } else {
                reach_webhook(&world, request).await
            };
            pass(End::AfterCall).await;
            sleep(from_s(60)).await;
            answered
        })
    }))
}

/// The path of the providers' notifies.
pub(crate) fn notifies(world: Weak<World>) -> Outbound {
    Outbound::simulated(std::sync::Arc::new(move |request| {
        let world = world.clone();
        Box::pin(async move {
            let world = world.upgrade().ok_or(Unanswered::Unconnected)?;
            notify(&world, request).await
        })
    }))
}

/// The troubles of a provider's answer, as its simulator's control API calls them: the servers fail, the answer is spoilt, or the provider
/// refuses for the moment.
#[rustfmt::skip]
fn troubles(provider: &str, fault: Fault) -> &'static [&'static str] {
    match (provider, fault) {
        ("alipay", Fault::ProviderSpoilt)   => &["garbage", "unsigned", "badSignature", "cut"],
        ("alipay", Fault::ProviderBusy)     => &["20000"],
        ("wechat", Fault::ProviderSpoilt)   => &["garbage", "unsigned", "badSignature", "cut"],
        ("wechat", Fault::ProviderBusy)     => &["systemError", "limited"],
        ("unionpay", Fault::ProviderSpoilt) => &["garbage", "unsigned", "badSignature", "cut", "expiredCert", "foreignCn", "selfMade", "fakeIssuer"],
        ("unionpay", Fault::ProviderBusy)   => &["03", "05"],
        _ => &["http500"],
    }
}

async fn ask_provider(world: &World, request: http::Request<Bytes>) -> Answered {
    if world.strike(Fault::ProviderUnreached) {
        return Err(Unanswered::Unconnected);
    }
    let path = request.uri().path().to_owned();
    let provider = path.split('/').nth(2).unwrap_or_default().to_owned();
    let kinds = [Fault::ProviderFailed, Fault::ProviderSpoilt, Fault::ProviderBusy];
    let trouble = kinds.into_iter().find(|fault| world.draw(*fault));
    // A provider's bill comes from another part of the simulator, which has no troubles.
    let trouble = trouble.filter(|_| !path.contains("/bill/"));
    if let Some(trouble) = trouble {
        let words = troubles(&provider, trouble);
        let word = world.with_faults(|faults| faults.random().choice(words).copied().unwrap_or_default());
        order_trouble(world, &provider, &[word]).await;
    }
    let question = question(&request);
    let answer = world.embedded().provider(request).await;
    if let Some(trouble) = trouble {
        order_trouble(world, &provider, &[]).await;
        world.count(trouble);
    }
    world.bells.providers.notify_one();
    if world.strike(Fault::ProviderLostAnswer) {
        return Err(Unanswered::Broken);
    }
    if world.strike(Fault::ProviderSlow) {
        sleep(FOR_EVER_MS).await;
    }
    let mut answer = answer.ok_or(Unanswered::Broken)?;
    if let Some(question) = question.filter(|_| trouble.is_none()) {
        answer = of_then(world, question, answer);
    }
    world.note(|| format!("provider {path} {}", answer.status()));
    Ok(answer)
}

/// The order that a call asks about, if it is a question about a payment.
fn question(request: &http::Request<Bytes>) -> Option<String> {
    let text = format!("{} {}", request.uri(), String::from_utf8_lossy(request.body()));
    let of_alipay = text.contains("alipay.trade.query");
    let marker = match (of_alipay, text.contains("/queryTrans")) {
        (true, _) => "out_trade_no%22%3A%22",
        (_, true) => "orderId=",
        _ if request.method() == http::Method::GET => "/v3/pay/transactions/out-trade-no/",
        _ => return None,
    };
    let id = text.split(marker).nth(1)?.get(..24)?;
    Some(format!("{marker}{id}"))
}

/// The answer to the same question up to two minutes ago, with the signature of that time: the provider answers from an old copy.
fn of_then(world: &World, question: String, answer: http::Response<Bytes>) -> http::Response<Bytes> {
    let is_drawn = world.draw(Fault::ProviderContradicted);
    let now_ms = world.time.now_ms();
    let then = world.ledger().answers.get(&question).filter(|(at_ms, _)| now_ms - at_ms < 2 * MINUTE_MS).cloned();
    if let Some((_, then)) = then.filter(|(_, then)| is_drawn && then.body().len() != answer.body().len()) {
        world.count(Fault::ProviderContradicted);
        return then;
    }
    world.ledger().answers.insert(question, (now_ms, answer.clone()));
    answer
}

async fn order_trouble(world: &World, provider: &str, next: &[&str]) {
    door(world, "POST", &format!("/_local/simulator/{provider}/faults"), &json!({ "next": next })).await;
}

/// Calls the control API of the simulators, which plays the providers' users and staff. `None` if it refuses.
pub(crate) async fn door(world: &World, method: &str, path: &str, body: &Value) -> Option<Value> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = http::Request::builder().method(method).uri(format!("{URL}{path}"));
    let request = request.header("content-type", "application/json").body(Bytes::from(body)).ok()?;
    let answer = world.embedded().provider(request).await?;
    world.bells.providers.notify_one();
    if !answer.status().is_success() {
        return None;
    }
    serde_json::from_slice(answer.body()).ok()
}

/// Calls a merchant's webhook: `https://hook<n>.shop.example/`.
async fn reach_webhook(world: &World, request: http::Request<Bytes>) -> Answered {
    let host = request.uri().host().unwrap_or_default().to_owned();
    let number = host.trim_start_matches("hook").split('.').next().and_then(|number| number.parse::<usize>().ok());
    let number = number.ok_or(Unanswered::Unconnected)?;
    if world.strike(Fault::TargetUnreached) {
        return Err(Unanswered::Unconnected);
    }
    let now_ms = world.time.now_ms();
    let (is_dead, is_down) =
        world.ledger().hook(number).map_or((true, false), |hook| (hook.is_dead, now_ms < hook.down_until_ms));
    let told: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let arrival = Arrival {
        hook: number,
        transaction: told["id"].as_str().unwrap_or_default().to_owned(),
        event: told["event"].as_str().unwrap_or("payment.success").to_owned(),
    };
    world.note(|| format!("hook {number} {} {}", arrival.transaction, arrival.event));
    if is_dead || world.strike(Fault::TargetFailed) {
        let statuses = [500, 503, 404, 302, 204, 429];
        let status = world.with_faults(|faults| faults.random().choice(statuses).unwrap_or(500));
        return Ok(reply(status));
    }
    let drawn = world.draw(Fault::TargetChoked);
    if world.ledger().chokes(number, &arrival.transaction, drawn) {
        world.count(Fault::TargetChoked);
        return Ok(reply(500));
    }
    if world.strike(Fault::TargetHung) {
        sleep(FOR_EVER_MS).await;
        return Err(Unanswered::Broken);
    }
    if is_down {
        world.count(Fault::TargetFlapped);
        return Err(Unanswered::Unconnected);
    }
    if world.strike(Fault::TargetLate) {
        let wait_ms = world.with_faults(|faults| faults.random().i64(SECOND_MS..12 * SECOND_MS));
        sleep(wait_ms).await;
    }
    world.ledger().arrived(arrival);
    if world.strike(Fault::TargetLostAnswer) {
        return Err(Unanswered::Broken);
    }
    Ok(reply(200))
}

fn reply(status: u16) -> http::Response<Bytes> {
    let mut reply = http::Response::new(Bytes::from_static(b"success"));
    *reply.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    reply
}

async fn notify(world: &World, request: http::Request<Bytes>) -> Answered {
    let drawn =
        [Fault::NotifyLost, Fault::NotifyLate, Fault::NotifyForged, Fault::NotifyDoubled, Fault::NotifyAnswerLost]
            .map(|fault| world.draw(fault));
    let [lost, late, forged, doubled, answer_lost] = drawn;
    if lost {
        world.count(Fault::NotifyLost);
        return Err(Unanswered::Unconnected);
    }
    if late {
        world.count(Fault::NotifyLate);
        let wait_ms = world.with_faults(|faults| {
            let longest = if faults.random().bool() { 2 * DAY_MS } else { 20 * MINUTE_MS };
            faults.random().i64(SECOND_MS..longest)
        });
        come_later(world, request, wait_ms);
        return Err(Unanswered::Broken);
    }
    if forged && let Some(forgery) = forge(world, &request) {
        world.count(Fault::NotifyForged);
        world.call(forgery).await;
    }
    if doubled {
        let (times, spread_ms) = world.with_faults(|faults| {
            let times = if faults.random().u32(0..200) == 0 { HUNDREDFOLD } else { faults.random().u32(1..4) };
            // Half of the repeated notifies come within the time of one database call.
            let spread_ms = if faults.random().bool() { 10 } else { 5 * SECOND_MS };
            (times, spread_ms)
        });
        for _ in 0..times {
            world.count(Fault::NotifyDoubled);
            let wait_ms = world.with_faults(|faults| faults.random().i64(0..spread_ms));
            come_later(world, copy(&request), wait_ms);
        }
    }
    world.ledger().heard_notify(request.uri().path());
    let answer = world.call(request).await.ok_or(Unanswered::Broken)?;
    if answer_lost {
        world.count(Fault::NotifyAnswerLost);
        return Err(Unanswered::Broken);
    }
    Ok(answer)
}

fn copy(request: &http::Request<Bytes>) -> http::Request<Bytes> {
    let mut copy = http::Request::new(request.body().clone());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

fn come_later(world: &World, request: http::Request<Bytes>, wait_ms: i64) {
    let world = world.me();
    tokio::spawn(async move {
        sleep(wait_ms).await;
        if let Some(world) = world.upgrade() {
            world.call(request).await;
        }
    });
}

/// Makes a forged notify from a genuine one: another amount, another signature, no signature, too much data, or the address of another bill
/// or channel.
fn forge(world: &World, request: &http::Request<Bytes>) -> Option<http::Request<Bytes>> {
    let mut forgery = copy(request);
    let elsewhere = world.ledger().other_notify(request.uri().path());
    let way = world.with_faults(|faults| faults.random().u32(0..7));
    match way {
        2 => *forgery.body_mut() = vec![b'x'; TOO_LONG].into(),
        3 => {
            // A genuine message, sent to the address of another channel.
            let path = request.uri().path();
            let other = if path.contains("/wx_app/") { "/ali_web/" } else { "/wx_app/" };
            let own = path.split('/').nth(4)?;
            *forgery.uri_mut() = format!("{URL}{}", path.replace(&format!("/{own}/"), other)).parse().ok()?;
        }
        0 => {
            // A genuine message, sent to the address of another bill.
            *forgery.uri_mut() = format!("{URL}{}", elsewhere?).parse().ok()?;
        }
        1 => {
            let signature = forgery.headers_mut().get_mut("wechatpay-signature");
            match signature {
                Some(signature) => *signature = http::HeaderValue::from_static("AAAA"),
                None => *forgery.body_mut() = without_signature(request.body())?,
            }
        }
        _ => {
            let mut body = request.body().to_vec();
            let digits: Vec<usize> =
                (0..body.len()).filter(|at| body.get(*at).is_some_and(u8::is_ascii_digit)).collect();
            let at = world.with_faults(|faults| faults.random().choice(digits))?;
            let digit = body.get_mut(at)?;
            *digit = if *digit == b'9' { b'1' } else { *digit + 1 };
            *forgery.body_mut() = body.into();
        }
    }
    Some(forgery)
}

/// A form without its signature.
fn without_signature(body: &Bytes) -> Option<Bytes> {
    let text = std::str::from_utf8(body).ok()?;
    let fields: BTreeMap<&str, &str> = text.split('&').filter_map(|field| field.split_once('=')).collect();
    let kept = fields.into_iter().filter(|(name, _)| *name != "sign" && *name != "signature");
    let kept: Vec<String> = kept.map(|(name, value)| format!("{name}={value}")).collect();
    Some(kept.join("&").into())
}
