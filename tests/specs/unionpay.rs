//! UnionPay: its two tabs are charged and paid, its browser is redirected, and only a genuine report that fits settles.

use serde_json::{Value, json};

use crate::{
    answer::Answer,
    channels::check_paid,
    world::{MINUTE_MS, START_MS, World, charge_of, texts, with, without},
};

/// A channel of each tab: Apple Pay makes the same order as the mobile control.
pub(crate) const CHANNELS: [&str; 2] = ["unipay_app", "unipay_web"];
const BACK: &str = "https://shop.example/back";

fn tab_path(world: &World, tab: &str) -> String {
    format!("/apps/{}/channels/{tab}?mode=test", world.app.app_id)
}

pub(crate) async fn settings_of(world: &World, tab: &str) -> Value {
    world.call("GET", "/_local/simulator/unionpay/settings", &[], "").await.done(200)[tab].clone()
}

pub(crate) async fn save(world: &World, tab: &str, settings: &Value) -> Answer {
    world.admin("PUT", &tab_path(world, tab), settings.clone()).await
}

pub(crate) async fn play(world: &World, id: &str, action: &str, options: Value) -> Value {
    let path = format!("/_local/simulator/unionpay/orders/{id}/{action}");
    world.post_as(&[], &path, options.to_string()).await.done(200)
}

pub(crate) async fn fault(world: &World, fault: &str) {
    let body = json!({ "next": [fault] }).to_string();
    world.post_as(&[], "/_local/simulator/unionpay/faults", body).await.done(200);
}

/// A form of a page: its address and its fields.
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    /// The only form of a page, which submits itself.
    #[track_caller]
    fn of(page: &str) -> Self {
        let (head, rest) = page.split_once("<form ").unwrap_or_else(|| panic!("no form: {page}"));
        assert!(head.contains("onload=") && head.contains("submit()"), "{page}");
        let (form, after) = rest.split_once("</form>").unwrap();
        assert!(!after.contains("<form "), "{page}");
        let (tag, content) = form.split_once('>').unwrap();
        assert_eq!(attribute(tag, "method"), "post");
        let inputs = content.split("<input ").skip(1).map(|input| input.split('>').next().unwrap());
        let fields = inputs.map(|input| (attribute(input, "name"), attribute(input, "value"))).collect();
        Self { action: attribute(tag, "action"), fields }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(other, _)| other != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    #[track_caller]
    fn find(&self, name: &str) -> &str {
        self.fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str()).unwrap()
    }

    fn encoded(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish()
    }

    async fn post(&self, world: &World) -> Answer {
        world.post_form(&self.action, self.encoded()).await
    }
}

#[track_caller]
fn attribute(tag: &str, name: &str) -> String {
    let (_, rest) = tag.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("no {name} in {tag}"));
    let value = rest.split('"').next().unwrap();
    let references = [("&#13;", "\r"), ("&#10;", "\n"), ("&#39;", "'"), ("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">")];
    let value = references.iter().fold(value.to_owned(), |value, (reference, sign)| value.replace(reference, sign));
    value.replace("&amp;", "&")
}

/// Does what the phone or the browser does with an answer. Returns the address of the cashier.
pub(crate) async fn open(world: &World, channel: &str, charged: &Value) -> String {
    if channel == "unipay_app" {
        let tn = charged["tn"].as_str().unwrap();
        return world.post_form("/simulator/unionpay/app", format!("tn={tn}")).await.location(303);
    }
    let answer = Form::of(charged["html"].as_str().unwrap()).post(world).await;
    assert!([302, 303].contains(&answer.status), "{}", answer.text());
    answer.header("location").to_owned()
}

/// Charges, and brings the order to UnionPay. Returns the transaction's id.
pub(crate) async fn opened(world: &World, channel: &str, bill: &str) -> String {
    let charged = world.charge(&charge_of(channel, bill)).await.ok();
    open(world, channel, &charged).await;
    charged["id"].as_str().unwrap().to_owned()
}

#[track_caller]
pub(crate) fn check_open(record: &Value) {
    assert_eq!((record["status"].as_str(), record.get("endTime")), (Some("created"), None), "{record}");
}

/// Our answers to the sends of the newest notify.
#[track_caller]
pub(crate) fn check_answers(order: &Value, status: i64, body: &str, times: usize) {
    let attempts = order["notifies"].as_array().unwrap().last().unwrap()["attempts"].as_array().unwrap();
    let pairs: Vec<_> =
        attempts.iter().map(|attempt| (attempt["status"].as_i64(), attempt["answer"].as_str())).collect();
    assert_eq!(pairs, vec![(Some(status), Some(body)); times], "{order}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unionpay_is_paid_with_settings_that_are_typed_in() {
    let world = World::start().await;
    for channel in CHANNELS {
        save(&world, channel, &settings_of(&world, channel).await).await.done(200);
        let id = opened(&world, channel, channel).await;
        check_answers(&play(&world, &id, "pay", json!({})).await, 200, "ok", 1);
        check_paid(&world.record(channel).await, channel, channel);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_unionpay_carries_what_the_contract_says() {
    let world = World::start().await;
    for (channel, expect) in
        [("unipay_app", ["code", "id", "msg", "tn"]), ("unipay_web", ["code", "html", "id", "msg"])]
    {
        let charged = world.charge(&charge_of(channel, channel)).await.ok();
        let mut members: Vec<&str> = charged.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, expect, "{channel}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_at_unionpay_is_that_of_the_charge() {
    let world = World::start().await;
    for channel in CHANNELS {
        for (number, subject) in ["一杯茶 😀", "a=b&c{d}+\"e\" <b>'f'", "%2F \\n"].into_iter().enumerate() {
            let bill = format!("{channel} {number}");
            let more = json!({ "totalFee": 12345, "billTimeout": 600, "subject": subject });
            let charged = world.charge(&with(charge_of(channel, &bill), &more)).await.ok();
            open(&world, channel, &charged).await;
            let order = play(&world, charged["id"].as_str().unwrap(), "pay", json!({})).await;
            assert_eq!(
                (&order["txnAmt"], &order["expiresAt"]),
                (&json!("12345"), &json!(START_MS + 600_000)),
                "{order}"
            );
            assert_eq!(world.record(&bill).await["status"], "success", "{subject}");
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unipay_web_needs_a_return_url() {
    let world = World::start().await;
    world.charge(&without(charge_of("unipay_web", "1"), "returnUrl")).await.refused(4, "returnUrl");
    world.charge(&without(charge_of("unipay_app", "1"), "returnUrl")).await.ok();
    world.end().await;
}

/// Pays an order without a notify. Returns the form that the browser brings back.
async fn way_back(world: &World, bill: &str) -> Form {
    let charged = world.charge(&charge_of("unipay_web", bill)).await.ok();
    let cashier = open(world, "unipay_web", &charged).await;
    Form::of(&world.post_form(&cashier, "action=pay").await.text())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_comes_back_from_unionpay_to_the_return_url() {
    let world = World::start().await;
    let form = way_back(&world, "1").await;
    assert!(form.action.starts_with(&format!("{}/return/", world.url)), "{}", form.action);
    for _ in 0..2 {
        assert_eq!(form.post(&world).await.location(303), BACK);
    }
    check_paid(&world.record("1").await, "unipay_web", "1");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_brings_something_else_is_not_sent_on() {
    let world = World::start().await;
    let good = way_back(&world, "1").await;
    let encoded = good.encoded();
    let other = way_back(&world, "2").await;
    let signature = good.find("signature").to_owned();
    let flipped = if signature.starts_with('A') { "B" } else { "A" }.to_owned() + signature.get(1..).unwrap();
    let wrong = [
        encoded.replace("9900", "9901"),
        encoded.replace("respCode=00", "respCode=01"),
        Form { action: String::new(), fields: good.fields.clone() }.with("signature", &flipped).encoded(),
        Form { action: String::new(), fields: good.fields.clone() }.with("signature", "").encoded(),
        format!("{encoded}&extra=1"),
        format!("{encoded}&orderId=1"),
        other.encoded(),
        String::new(),
        "a".repeat(100_000),
    ];
    for form in wrong {
        assert_ne!(form, encoded);
        let answer = world.post_form(&good.action, form.clone()).await;
        assert_eq!((answer.status, answer.headers.get("location")), (400, None), "{form}");
    }
    for position in (0..encoded.len()).step_by(97) {
        let mut bytes = encoded.clone().into_bytes();
        bytes[position] = if bytes[position] == b'1' { b'2' } else { b'1' };
        let answer = world.post_form(&good.action, bytes).await;
        assert_eq!((answer.status, answer.headers.get("location")), (400, None), "{position} of {encoded}");
    }
    assert_eq!(world.call("GET", &good.action, &[], "").await.status, 404);
    assert_eq!(world.post_form(&format!("{}x", good.action), encoded).await.status, 404);
    world.end().await;
}

/// The content of UnionPay's notify of an order. The browser brings back the same.
#[track_caller]
fn sent(order: &Value) -> String {
    order["notifies"][0]["attempts"][0]["sent"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_return_of_the_browser_settles_nothing_by_itself() {
    let world = World::start().await;
    let charged = world.charge(&charge_of("unipay_web", "1")).await.ok();
    open(&world, "unipay_web", &charged).await;
    let id = charged["id"].as_str().unwrap();
    let order = play(&world, id, "pay", json!({ "notify": false })).await;
    assert_eq!(order["notifies"], json!([]));
    check_open(&world.record("1").await);
    // The false amount is in the notify only; the browser's form is genuine.
    let lied = play(&world, id, "pay", json!({ "txnAmt": "1" })).await;
    let genuine = sent(&lied);
    let back = order["frontUrl"].as_str().unwrap();
    assert_eq!(world.post_form(back, genuine).await.location(303), BACK);
    check_open(&world.record("1").await);
    check_answers(&play(&world, id, "pay", json!({})).await, 200, "ok", 1);
    check_paid(&world.record("1").await, "unipay_web", "1");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_genuine_report_of_unionpay_that_does_not_fit_settles_nothing_and_is_an_incident() {
    let world = World::start().await;
    let lies = [
        (json!({ "txnAmt": "9899" }), "amount"),
        (json!({ "txnAmt": "9901" }), "amount"),
        (json!({ "txnAmt": "1" }), "amount"),
        (json!({ "txnAmt": "99.00" }), "amount"),
        (json!({ "merId": "777290058119999" }), "account"),
        (json!({ "currencyCode": "840" }), "account"),
        (json!({ "orderId": "0000000000000000000000ff" }), "order"),
    ];
    let mut seen = 0;
    for channel in CHANNELS {
        for (number, (lie, expect)) in lies.iter().enumerate() {
            let bill = format!("{channel} {number}");
            let id = opened(&world, channel, &bill).await;
            let told = play(&world, &id, "pay", with(lie.clone(), &json!({ "times": 3 }))).await;
            check_answers(&told, 400, "fail", 3);
            check_open(&world.record(&bill).await);
            seen += 1;
            let incidents = world.incidents().await;
            assert_eq!(incidents.len(), seen, "{channel} {lie}");
            let mine = incidents.iter().find(|incident| incident["billNum"] == bill.as_str()).unwrap();
            assert_eq!(mine["kind"], *expect, "{mine}");
            // The right one still settles.
            check_answers(&play(&world, &id, "pay", json!({})).await, 200, "ok", 1);
            check_paid(&world.record(&bill).await, channel, &bill);
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_unionpay_did_not_sign_settles_nothing_and_one_is_kept() {
    let world = World::start().await;
    for channel in CHANNELS {
        for signer in ["other", "expiredCert", "foreignCn", "selfMade", "fakeIssuer"] {
            let bill = format!("{channel} {signer}");
            let id = opened(&world, channel, &bill).await;
            let told = play(&world, &id, "pay", json!({ "pay": false, "signWith": signer })).await;
            check_answers(&told, 400, "fail", 1);
            check_open(&world.record(&bill).await);
        }
    }
    let id = opened(&world, "unipay_web", "probed").await;
    let told = play(&world, &id, "pay", json!({ "pay": false, "signWith": "other" })).await;
    let url = told["backUrl"].as_str().unwrap();
    for probe in ["", "=", "a=b", "orderId=1&signature=AAAA", &sent(&told), &"a=b&".repeat(300)] {
        let answer = world.post_form(url, probe.to_owned()).await;
        assert_eq!((answer.status, answer.text().as_str()), (400, "fail"), "{probe}");
    }
    check_open(&world.record("probed").await);
    // One for each of the bills, for any number of messages.
    assert_eq!(texts(&json!(world.incidents().await), "kind"), vec!["forged"; CHANNELS.len() * 5 + 1]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_notifies_of_unionpay_settle_once() {
    let world = World::start().await;
    for channel in CHANNELS {
        let id = opened(&world, channel, channel).await;
        check_answers(&play(&world, &id, "pay", json!({ "times": 20 })).await, 200, "ok", 20);
        let first = world.record(channel).await;
        assert_eq!(first["status"], "success");
        world.advance(MINUTE_MS).await;
        check_answers(&play(&world, &id, "pay", json!({})).await, 200, "ok", 1);
        assert_eq!(world.record(channel).await, first);
    }
    assert_eq!(world.incidents().await, [Value::Null; 0]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_failed_at_unionpay_settles_nothing() {
    let world = World::start().await;
    for channel in CHANNELS {
        let id = opened(&world, channel, channel).await;
        check_answers(
            &play(&world, &id, "pay", json!({ "pay": false, "respCode": "60" , "notify": true })).await,
            200,
            "ok",
            1,
        );
        check_open(&world.record(channel).await);
        check_answers(&play(&world, &id, "pay", json!({ "respCode": "A6" })).await, 200, "ok", 1);
        assert_eq!(world.record(channel).await["status"], "success");
    }
    assert_eq!(world.incidents().await, [Value::Null; 0]);
    world.end().await;
}

/// UnionPay's answers instead of a `tn`; it has not made the order.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_unionpay_did_not_take_can_be_charged_again() {
    let world = World::start().await;
    for trouble in ["http500", "03"] {
        fault(&world, trouble).await;
        world.charge(&charge_of("unipay_app", trouble)).await.refused(7, "");
        let record = world.record(trouble).await;
        check_open(&record);
        let again = world.charge(&charge_of("unipay_app", trouble)).await.ok();
        assert_eq!(again["id"], record["id"], "{trouble}");
        play(&world, again["id"].as_str().unwrap(), "pay", json!({})).await;
        check_paid(&world.record(trouble).await, "unipay_app", trouble);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_of_unionpay_are_said_when_they_are_saved() {
    let world = World::start().await;
    for tab in CHANNELS {
        let good = settings_of(&world, tab).await;
        #[rustfmt::skip]
        let cases = [
            ("pfxPassword", json!("wrong-password")),
            ("pfxPassword", json!("")),
            ("pfx",         json!("no base64!")),
            ("pfx",         json!("AAAA")),
            ("rootCert",    json!("no certificate")),
            ("middleCert",  json!("no certificate")),
            ("middleCert",  good["rootCert"].clone()),
            ("rootCert",    good["middleCert"].clone()),
            ("merId",       json!("7")),
        ];
        for (member, value) in cases {
            let refused = save(&world, tab, &with(good.clone(), &json!({ member: value }))).await;
            refused.problem(400, "");
            let field = refused.json()["field"].as_str().unwrap_or_default().to_owned();
            let is_cert = member.ends_with("Cert") && field.ends_with("Cert");
            assert!(field == member || is_cert, "{member} {}", refused.text());
            check_shows_no_key(&refused, &good);
        }
        world.admin("DELETE", &tab_path(&world, tab), Value::Null).await;
        for member in ["pfx", "pfxPassword", "merId", "rootCert", "middleCert"] {
            let refused = save(&world, tab, &without(good.clone(), member)).await;
            refused.problem(400, "");
            assert_eq!(refused.json()["field"], member);
        }
    }
    world.end().await;
}

/// A part from the middle of the file.
fn stretch(settings: &Value) -> &str {
    let pfx = settings["pfx"].as_str().unwrap();
    pfx.get(pfx.len() / 2..pfx.len() / 2 + 40).unwrap()
}

#[track_caller]
fn check_shows_no_key(answer: &Answer, settings: &Value) {
    let text = answer.text();
    assert!(
        !text.contains(stretch(settings)) && !text.contains("\"000000\"") && !text.contains("wrong-password"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_unionpay_ever_comes_back() {
    let world = World::start().await;
    for tab in CHANNELS {
        let settings = settings_of(&world, tab).await;
        world.must_stay_secret(stretch(&settings));
        let masked = with(settings.clone(), &json!({ "pfx": "***", "pfxPassword": "***" }));
        let saved = save(&world, tab, &settings).await;
        assert_eq!(saved.done(200), masked, "{tab}");
        let shown = world.admin("GET", &tab_path(&world, tab), Value::Null).await;
        assert_eq!(shown.done(200), masked, "{tab}");
        let app = world.admin("GET", &format!("/apps/{}", world.app.app_id), Value::Null).await;
        let charged = world.charge(&charge_of(tab, tab)).await;
        charged.ok();
        for answer in [&saved, &shown, &app, &charged] {
            check_shows_no_key(answer, &settings);
        }
        // The shown settings can be saved, and payments work.
        save(&world, tab, &shown.json()).await.done(200);
        let bill = format!("{tab} 2");
        let id = opened(&world, tab, &bill).await;
        play(&world, &id, "pay", json!({})).await;
        check_paid(&world.record(&bill).await, tab, &bill);
    }
    world.end().await;
}
