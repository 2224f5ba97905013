//! `docs/openapi.yaml` has just the operations, words and bounds that the code has. That its answers are true is held by
//! `contract.rs` in every spec.

use std::collections::BTreeSet;

use domain::{
    ApiCode, AppId, BillNum, Channel, DeliveryState, Event, Fen, OperatorName, OperatorRole, RefundNum, Shards, Status,
    Subject, Tab, WebUrl,
};
use local::{Function, admin_operations};
use serde_json::{Value, json};

use crate::contract::{DOCUMENT, fits};

/// Pages for people, and the operator API's one route, in whose place its operations stand.
const NOT_DESCRIBED: [&str; 4] = ["/console", "/console/{proxy+}", "/favicon.ico", "/admin/v1/{proxy+}"];

/// Every operation of the code, but for pages: `POST /2.0/maxpay/bill`.
pub(crate) fn operations() -> BTreeSet<String> {
    let routes = Function::ALL.into_iter().flat_map(Function::routes);
    let described = routes.filter(|(_, path)| !NOT_DESCRIBED.contains(path)).chain(admin_operations());
    described.map(|(method, path)| format!("{method} {path}")).collect()
}

#[test]
fn the_operations_are_those_of_the_code() {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let methods = |item: &Value| -> Vec<String> {
        let names = item.as_object().unwrap().keys().filter(|name| *name != "parameters");
        names.map(|name| name.to_ascii_uppercase()).collect()
    };
    let documented: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, item)| methods(item).into_iter().map(move |method| format!("{method} {path}")))
        .collect();
    let code = operations();
    let missing: Vec<_> = code.difference(&documented).collect();
    let invented: Vec<_> = documented.difference(&code).collect();
    assert!(missing.is_empty() && invented.is_empty(), "not documented: {missing:?}; not there: {invented:?}");
}

#[track_caller]
fn has_words<T: Into<Value>>(schema: &str, words: impl IntoIterator<Item = T>) {
    let documented = &DOCUMENT["components"]["schemas"][schema];
    let words: Vec<Value> = words.into_iter().map(Into::into).collect();
    let listed: BTreeSet<String> = documented["enum"].as_array().unwrap().iter().map(Value::to_string).collect();
    assert_eq!(listed, words.iter().map(Value::to_string).collect(), "{schema}");
}

#[test]
fn the_words_are_those_of_the_code() {
    has_words("Channel", Channel::all().map(Channel::name));
    has_words("Status", Status::ALL.map(Status::name));
    has_words("Event", Event::ALL.map(|(_, name)| name));
    has_words("DeliveryState", DeliveryState::ALL.map(|(_, name)| name));
    has_words("Role", OperatorRole::ALL.map(OperatorRole::name));
    has_words("Tab", Tab::ALL.map(|(_, name)| name));
    let failure = &DOCUMENT["components"]["schemas"]["Failure"]["properties"];
    let failures = || ApiCode::ALL.into_iter().filter(|(code, ..)| *code != ApiCode::Ok);
    assert_eq!(failure["code"]["enum"], json!(failures().map(|(_, number, _)| number).collect::<Vec<_>>()));
    assert_eq!(failure["msg"]["enum"], json!(failures().map(|(.., name)| name).collect::<Vec<_>>()));
    let events: BTreeSet<&String> = DOCUMENT["webhooks"].as_object().unwrap().keys().collect();
    assert_eq!(events.len(), Event::ALL.len());
    let charged = DOCUMENT["components"]["schemas"].as_object().unwrap().keys();
    let charged =
        charged.filter(|name| name.starts_with("Charged") && !["Charged", "ChargedAlipay"].contains(&name.as_str()));
    assert_eq!(charged.count(), Channel::all().count());
}

/// The document and the code take the same texts, and refuse the same.
#[track_caller]
fn agrees(schema: &str, takes: impl Fn(&str) -> bool, texts: &[String]) {
    let mut outcomes = BTreeSet::new();
    for text in texts {
        assert_eq!(fits(schema, &json!(text)), takes(text), "{schema}: {text:?}");
        outcomes.insert(takes(text));
    }
    assert_eq!(outcomes.len(), 2, "{schema}: of these texts some are to be taken, and some refused");
}

#[test]
fn the_bounds_are_those_of_the_code() {
    let long = |count: usize| ["x".repeat(count), "茶".repeat(count)];
    let texts = |more: &[&str], bounds: &[usize]| -> Vec<String> {
        let bounds = bounds.iter().flat_map(|bound| [*bound, bound + 1]).flat_map(long);
        more.iter().map(|text| (*text).to_owned()).chain(bounds).collect()
    };
    let odd = ["", " ", "a", "A", "a b", "a\0b", "a\nb", "a\u{7f}", "a\u{85}", "_-|*@", "退", "😀", "2088", "a.b-c_d"];
    agrees("BillNum", |text| BillNum::parse(text).is_ok(), &texts(&odd, &[BillNum::CHARS_MAX]));
    agrees("RefundNum", |text| RefundNum::parse(text).is_some(), &texts(&odd, &[RefundNum::CHARS_MAX]));
    agrees("Subject", |text| Subject::parse(text).is_some(), &texts(&odd, &[Subject::CHARS_MAX]));
    agrees("OperatorName", |text| OperatorName::parse(text).is_some(), &texts(&[&odd[..], &["ab"]].concat(), &[1, 32]));
    let id = "568a12086e912100017722e5";
    agrees(
        "Id",
        |text| AppId::parse(text).is_ok(),
        &texts(&[id, &id[1..], &id.to_uppercase(), "", &format!("{id}0")], &[]),
    );
    let url = |count: usize| format!("https://shop.example/{}", "x".repeat(count - 21));
    let urls = [
        "https://shop.example",
        "http://a/b?c#d",
        "https://茶.example/",
        "https://shop.example/茶",
        "HTTPS://a/",
        "ftp://a/",
        "https://",
        "https:///a",
        "https://:80/",
        "https://a b/",
        "https://a/\"",
        "https://a/<",
        "https://a/\\",
        "/a",
        "",
        &url(WebUrl::CHARS_MAX),
        &url(WebUrl::CHARS_MAX + 1),
    ];
    agrees("WebUrl", |text| WebUrl::parse(text).is_some(), &texts(&urls, &[]));
    for fen in [i64::MIN, -1, 0, 1, 9900, Fen::MAX, Fen::MAX + 1] {
        assert_eq!(fits("Fen", &json!(fen)), Fen::new(fen).is_ok(), "{fen}");
    }
    assert_eq!(DOCUMENT["components"]["schemas"]["Shards"]["maximum"], Shards::MAX);
}
