//! Every channel: charged with exactly the fields that it needs, opened as its payer would, paid at the cashier, and settled.

use domain::{Channel, Family};
use serde_json::{Value, json};

use crate::{
    charge::knock,
    unionpay,
    world::{START_MS, World, charge_of, with, without},
};

/// The optional fields of a charge, a value for each, and whether this channel requires it.
pub(crate) fn needs(channel: Channel) -> [(&'static str, &'static str, bool); 3] {
    [
        ("returnUrl", "https://shop.example/back", channel.needs_return_url()),
        ("openid", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", channel.needs_openid()),
        ("clientIp", "203.0.113.7", channel.needs_client_ip()),
    ]
}

/// A charge with exactly the fields that its channel needs.
pub(crate) fn charge_on(channel: Channel, bill: &str) -> Value {
    let bare = without(charge_of(channel.name(), bill), "returnUrl");
    let needed = needs(channel).into_iter().filter(|(.., needed)| *needed);
    needed.fold(bare, |charge, (field, value, _)| with(charge, &json!({ field: value })))
}

#[track_caller]
pub(crate) fn named(channel: &str) -> Channel {
    Channel::find(channel).unwrap_or_else(|| panic!("{channel} is no channel"))
}

/// The names of a provider's channels.
pub(crate) fn names_of(family: Family) -> Vec<&'static str> {
    family.channels().map(Channel::name).collect()
}

/// Does what the payer's side does with an answer, and returns the address of the cashier. For a new channel the compiler asks here
/// what it gives out, and who opens that.
pub(crate) async fn open(world: &World, channel: Channel, charged: &Value) -> String {
    let name = channel.name();
    match channel {
        Channel::AliQrcode => charged["codeUrl"].as_str().unwrap().to_owned(),
        Channel::AliApp => knock(world, name, charged).await.location(303),
        Channel::AliWeb | Channel::AliWap => knock(world, name, charged).await.location(302),
        Channel::WxApp | Channel::WxJsapi | Channel::WxLite | Channel::WxNative => {
            world.post_as(&[], "/simulator/wechat/pay", charged.to_string()).await.location(303)
        }
        Channel::WxH5 => world.call("GET", charged["wx_h5"].as_str().unwrap(), &[], "").await.location(303),
        Channel::UnipayApp | Channel::ApplepayUpacp => unionpay::open(world, "unipay_app", charged).await,
        Channel::UnipayWeb => unionpay::open(world, name, charged).await,
    }
}

/// Charges, opens the answer's parameters, pays at the cashier, and returns the record.
pub(crate) async fn pay(world: &World, charge: &Value) -> Value {
    let charged = world.charge(charge).await.ok();
    let cashier = open(world, named(charge["channel"].as_str().unwrap()), &charged).await;
    let page = world.call("GET", &cashier, &[], "").await.text();
    assert!(page.contains("99.00") && page.contains("A cup of"), "{page}");
    let clicked = world.post_form(&cashier, "action=pay").await;
    assert!([200, 303].contains(&clicked.status), "{}", clicked.text());
    let record = world.record(charge["billNum"].as_str().unwrap()).await;
    assert_eq!(record["id"], charged["id"]);
    record
}

#[track_caller]
pub(crate) fn check_paid(record: &Value, channel: &str, bill: &str) {
    let expect = json!({
        "id": record["id"],
        "billNum": bill,
        "channel": channel,
        "createdTime": START_MS,
        "endTime": START_MS,
        "currency": "CNY",
        "money": "¥ 99.00",
        "totalFee": 9900,
        "status": "success",
    });
    assert_eq!(*record, expect);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_channel_is_paid_with_just_what_it_needs_and_refused_without() {
    let world = World::start().await;
    for channel in Channel::ALL {
        let charge = charge_on(channel, channel.name());
        for (field, ..) in needs(channel).into_iter().filter(|(.., needed)| *needed) {
            world.charge(&without(charge.clone(), field)).await.refused(4, field);
        }
        check_paid(&pay(&world, &charge).await, channel.name(), channel.name());
    }
    assert_eq!(world.incidents().await, [Value::Null; 0]);
    world.end().await;
}

/// The stack's tester pays without a browser: if nobody has opened the order, it opens the order first.
#[tokio::test(flavor = "multi_thread")]
async fn each_channel_is_paid_by_the_stacks_tester_though_nobody_opened_it() {
    let world = World::start().await;
    for channel in Channel::ALL {
        let charged = world.charge(&charge_on(channel, channel.name())).await.ok();
        let door = match channel.family() {
            Family::Ali => "alipay/trades",
            Family::Wx => "wechat/trades",
            Family::Unipay => "unionpay/orders",
        };
        let path = format!("/_local/simulator/{door}/{}/pay", charged["id"].as_str().unwrap());
        world.post_as(&[], &path, "{}").await.done(200);
        check_paid(&world.record(channel.name()).await, channel.name(), channel.name());
    }
    world.end().await;
}
