//! The processor time of one call, beside the RSA operations that the call needs.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use domain::{Channel, Fen, Subject, Timestamp, TransactionId, WebUrl};
use outbound::Bounds;
use providers::{Account, Charge, GatewayPolicy, Moment, Nonce, Order};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    AnyError, Plan, events, lag,
    shop::{Headers, Kept, Notify, PAID_THROUGH, PaidThrough, Shop, charge_of, texts},
    start,
    table::{print, ratio, time},
};

/// A channel, and how often its charge signs and verifies with ring. Alipay: the page in three forms. WeChat Pay: the request, the answer
/// and the second signature. UnionPay: the form.
const CHARGES: [(&str, u32, u32); 3] = [("ali_app", 3, 0), ("wx_jsapi", 2, 1), ("unipay_web", 1, 0)];

const BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(10), body_bytes_max: 256 * 1024 };

pub(crate) async fn run(plan: &Plan) -> Result<(), AnyError> {
    let shop = Shop::open(Kept::InMemory, true).await?;
    let calls = if plan.short { 20 } else { 100 };
    let mut caught = Vec::new();
    for provider in PAID_THROUGH {
        caught.push((provider.tab, shop.notifies_of(provider, calls + 1).await?));
    }
    let nanos = signatures(plan, &inputs(&shop, &caught).await?).await?;
    let of = |name: &str| Duration::from_nanos(nanos.get(name).copied().unwrap_or_default());
    let (sign, verify) = (of("ring: sign"), of("ring: verify"));
    let row = |what: String, floor: Duration, how: String| {
        vec![what.clone(), how, time(floor), time(of(&what)), ratio(of(&what), floor)]
    };
    let charges = CHARGES.iter().map(|(channel, signs, verifies)| {
        row(
            format!("charge {channel}"),
            sign * *signs + verify * *verifies,
            format!("{signs} signed, {verifies} verified"),
        )
    });
    let notifies = PAID_THROUGH
        .iter()
        .map(|PaidThrough { tab, .. }| row(format!("notify {tab}"), verify, "1 verified".to_owned()));
    let opened = CHARGES.iter().map(|(channel, ..)| row(format!("open {channel}"), sign, "beside 1 signed".to_owned()));
    print(
        &format!("Work of the providers' code (ring signs in {}, verifies in {})", time(sign), time(verify)),
        &["what", "RSA-2048 in it", "floor", "found", "to the floor"],
        &charges.chain(notifies).chain(opened).collect::<Vec<_>>(),
    );
    shop.configure_for_real().await?;
    whole_calls(plan, &shop, &caught, calls, sign, verify).await?;
    shop.stack.stop().await;
    Ok(())
}

/// Whole calls of the deployed binaries: from the Runtime API through DynamoDB and back.
async fn whole_calls(
    plan: &Plan,
    shop: &Shop,
    caught: &[(&str, Vec<Notify>)],
    calls: usize,
    sign: Duration,
    verify: Duration,
) -> Result<(), AnyError> {
    let mut rows = Vec::new();
    for (channel, signs, _) in CHARGES.into_iter().filter(|(channel, ..)| *channel != "wx_jsapi") {
        let event = |number: usize| {
            let body = charge_of(channel, &format!("work-{channel}-{number}")).to_string();
            events::request("POST", "/2.0/maxpay/bill", &shop.client(), body.as_bytes())
        };
        let each: Vec<String> = (0..=calls).map(event).collect();
        let what = format!("charge {channel}");
        rows.push(whole_call(plan, shop, "charge", &what, &each, Some(sign * signs)).await?);
    }
    for (tab, notifies) in caught {
        let each: Vec<String> = notifies.iter().map(Notify::event).collect();
        rows.push(whole_call(plan, shop, "provider-notify", &format!("notify {tab}"), &each, Some(verify)).await?);
    }
    for (what, body) in
        [("query of a bill", r#"{"billNum":"ali-0"}"#), ("query of a page", r#"{"limit":20,"channel":"ali"}"#)]
    {
        let event = events::request("POST", "/2.0/maxpay/records", &shop.master(), body.as_bytes());
        rows.push(whole_call(plan, shop, "query", what, &vec![event; calls + 1], None).await?);
    }
    rows.push(delivery(plan, calls).await?);
    let columns = ["call", "RSA in it", "CPU of the process", "without RSA", "to RSA"];
    print(&format!("Work of whole calls of the deployed binaries, mean of {calls}"), &columns, &rows);
    Ok(())
}

/// A delivery at a later attempt, on a stack of its own: its row and its bill are read, the target is called, and the row is changed. The
/// target is a function, because the address guard does not let a deployed binary call this machine.
async fn delivery(plan: &Plan, calls: usize) -> Result<Vec<String>, AnyError> {
    let shop = Shop::open(Kept::InMemory, false).await?;
    let url = format!("{}/_local/receiver/shop", shop.url);
    shop.call("PUT", "/_local/functions/shop", &[], json!({ "url": url })).await?;
    let [transaction, delivery] = lag::originals(&shop, json!({ "function": "shop" })).await?;
    let (mut items, mut bells) = (Vec::new(), Vec::new());
    for n in 0..=calls {
        let [transaction, mut delivery] = lag::copies(&transaction, &delivery, u64::try_from(n)?, 1)?;
        // The attempt is overdue, but `due_ms` is far in the future, so that the stack's own sweep leaves it alone.
        delivery["due_ms"] = json!({ "N": "4000000000000" });
        let name = delivery["sk"]["S"].as_str().and_then(|sk| sk.strip_prefix("DELIVERY#")).ok_or("no delivery")?;
        let bell = json!({ "app": shop.app.app_id, "mode": "test", "billNum": format!("parked-{n}"), "delivery": name, "attempt": 6 });
        bells.push(events::batch(&[bell.to_string()]));
        items.extend([transaction, delivery]);
    }
    shop.stack.import(&json!({ "TransactionsTable": items })).await?;
    shop.call("PUT", "/_local/receiver/shop", &[], json!({ "body": r#"{"statusCode":200}"# })).await?;
    let row = whole_call(plan, &shop, "deliver", "delivery to a function", &bells, None).await?;
    let arrived = shop.call("GET", "/_local/inbox?receiver=shop", &[], Value::Null).await?;
    // One of them is the first attempt of the original.
    if arrived.as_array().is_none_or(|arrived| arrived.len() != calls + 2) {
        return Err("not every delivery arrived once".into());
    }
    shop.stack.stop().await;
    Ok(row)
}

async fn whole_call(
    plan: &Plan,
    shop: &Shop,
    binary: &str,
    what: &str,
    each: &[String],
    rsa: Option<Duration>,
) -> Result<Vec<String>, AnyError> {
    let mut sandbox = start::start(plan, shop, binary).await?;
    let mut before = Duration::ZERO;
    // The first call is not counted: it connects and reads the configuration.
    for (number, event) in each.iter().enumerate() {
        if number == 1 {
            before = sandbox.cpu_time()?;
        }
        let answer = sandbox.invoke(event).await?;
        if !events::is_good(&answer) {
            return Err(format!("{what}: {answer}").into());
        }
    }
    let calls = u32::try_from(each.len().saturating_sub(1)).unwrap_or(1).max(1);
    let cpu = sandbox.cpu_time()?.saturating_sub(before) / calls;
    let Some(rsa) = rsa else { return Ok(vec![what.to_owned(), String::new(), time(cpu), time(cpu), String::new()]) };
    Ok(vec![what.to_owned(), time(rsa), time(cpu), time(cpu.saturating_sub(rsa)), ratio(cpu, rsa)])
}

/// Runs the timing program. It is built like the functions.
async fn signatures(plan: &Plan, inputs: &Value) -> Result<BTreeMap<String, u64>, AnyError> {
    let file: PathBuf = plan.binaries.join("signatures-inputs.json");
    tokio::fs::write(&file, inputs.to_string()).await?;
    let said = Command::new(plan.binaries.join("signatures")).arg(&file).output().await?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    if said.status.success() { Ok(serde_json::from_str(&text)?) } else { Err(text.into()) }
}

/// The inputs of the timing program: settings, orders, and genuine answers and notifies of the simulators.
async fn inputs(shop: &Shop, caught: &[(&str, Vec<Notify>)]) -> Result<Value, AnyError> {
    let private_key = shop.settings("ali").await?["privateKey"].clone();
    let mut charges = Vec::new();
    for (channel, ..) in CHARGES {
        charges.push(charge_input(shop, channel).await?);
    }
    let mut notifies = Vec::new();
    for (tab, all) in caught {
        let Notify { path, headers, body } = all.first().ok_or("no notify was caught")?;
        let (settings, message) = (shop.settings(tab).await?, json!({ "headers": headers, "body": body }));
        notifies.push(json!({ "tab": tab, "settings": settings, "nowMs": now_ms(), "path": path, "message": message }));
    }
    Ok(json!({ "privateKey": private_key, "charges": charges, "notifies": notifies }))
}

async fn charge_input(shop: &Shop, name: &str) -> Result<Value, AnyError> {
    let channel = Channel::find(name).ok_or("no such channel")?;
    let settings = shop.settings(channel.tab().name()).await?;
    let now = Timestamp::from_ms(now_ms())?;
    let id = TransactionId::generate(now, [7; 6]);
    let account = Account::open(channel.tab(), settings.as_object().ok_or("no settings")?, GatewayPolicy::AllowHttp)?;
    let subject = Subject::parse("A cup of tea").ok_or("no subject")?;
    let back = WebUrl::parse("https://shop.example/back");
    let order = Order {
        id: &id,
        channel,
        fee: Fen::new(9900)?,
        subject: &subject,
        notify_url: "https://pay.example/notify/568a12086e912100017722e5/live/ali_app/01/MTEyMjMz",
        return_url: back.as_ref(),
        show_url: None,
        qr_pay_mode: None,
        openid: Some("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"),
        client_ip: None,
        created_at: now,
        expires_at: now.plus(Duration::from_secs(7200)),
    };
    let answer = match account.charge(&order, &Moment { now, nonce: Nonce::from_random([7; 16]) })? {
        Charge::Ready(_) => None,
        Charge::Call(call) => {
            let answer = shop.outbound.send(call, BOUNDS).await?;
            let headers: Headers = texts(answer.headers());
            Some(json!({ "headers": headers, "body": String::from_utf8_lossy(answer.body()) }))
        }
    };
    Ok(json!({ "channel": name, "settings": settings, "id": id.as_str(), "nowMs": now.ms(), "answer": answer }))
}

fn now_ms() -> i64 {
    local::StackClock::running().now_ms()
}
