//! `docs/openapi.yaml` has exactly the operations, words and limits of the code. In every spec `contract.rs` checks that the
//! answers match.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    ApiCode, AppId, BillNum, Channel, DeliveryState, DifferenceKind, Event, Fen, IncidentKind, Mode, OperatorName,
    OperatorRole, RefundNum, RefundStatus, Shards, Status, Subject, Tab, WebUrl,
};
use local::{Function, FunctionRoute, admin_operations, problem_codes};
use serde_json::{Value, json};

use crate::{
    channels::needs,
    contract::{DOCUMENT, charged_name, fits},
};

/// Pages for people, and the one route of the operator API: the document has its operations instead.
const NOT_DESCRIBED: [&str; 10] = [
    "/console",
    "/console/{proxy+}",
    "/favicon.ico",
    "/admin/v1/{proxy+}",
    "/pay/{token}",
    "/pay/{token}/state",
    "/pay/{token}/wx",
    "/pay/{token}/logo",
    "/{file}",
    "/pay/{token}/{channel}",
];

/// Every operation of the code, except pages: `POST /2.0/maxpay/bill`.
pub(crate) fn operations() -> BTreeSet<String> {
    let routes = Function::ALL.into_iter().flat_map(Function::routes);
    let of_api =
        admin_operations().map(|operation| FunctionRoute { method: operation.method.clone(), path: operation.path });
    let described = routes.filter(|route| !NOT_DESCRIBED.contains(&route.path)).chain(of_api);
    described.map(|FunctionRoute { method, path }| format!("{method} {path}")).collect()
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

/// `x-role` is the role that the console requires. Operations that are not for operators have none.
#[test]
fn the_roles_are_those_of_the_code() {
    let code: BTreeMap<String, &str> = admin_operations()
        .map(|operation| (format!("{} {}", operation.method, operation.path), operation.role.name()))
        .collect();
    for operation in operations() {
        let (method, path) = operation.split_once(' ').unwrap();
        let described = &DOCUMENT["paths"][path][method.to_ascii_lowercase()];
        assert_eq!(described["x-role"].as_str(), code.get(&operation).copied(), "{operation}");
    }
}

/// A client may match codes. So each code is listed, and no code that does not exist.
#[test]
fn the_codes_of_problems_are_those_of_the_code() {
    has_words("ProblemCode", problem_codes());
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
    has_words("Channel", Channel::ALL.map(Channel::name));
    has_words("Status", Status::ALL.map(Status::name));
    has_words("Event", Event::ALL.map(Event::name));
    has_words("DeliveryState", DeliveryState::ALL.map(DeliveryState::name));
    has_words("Role", OperatorRole::ALL.map(OperatorRole::name));
    has_words("Tab", Tab::ALL.map(Tab::name));
    let failure = &DOCUMENT["components"]["schemas"]["Failure"]["properties"];
    let failures = || ApiCode::ALL.into_iter().filter(|code| *code != ApiCode::Ok);
    assert_eq!(failure["code"]["enum"], json!(failures().map(ApiCode::number).collect::<Vec<_>>()));
    assert_eq!(failure["msg"]["enum"], json!(failures().map(ApiCode::name).collect::<Vec<_>>()));
    has_words("IncidentKind", IncidentKind::ALL.map(IncidentKind::name));
    has_words("Mode", Mode::ALL.map(Mode::name));
    let members = |schema: &str, member: &str| {
        let listed = &DOCUMENT["components"]["schemas"][schema]["properties"][member]["enum"];
        listed.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let words = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(members("Refund", "status"), words(&RefundStatus::ALL.map(RefundStatus::name)));
    assert_eq!(members("Difference", "kind"), words(&DifferenceKind::ALL.map(DifferenceKind::name)));
    let webhooks: BTreeSet<String> = DOCUMENT["webhooks"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(webhooks, words(&Event::ALL.map(Event::name)), "`webhooks` describes each event");
}

#[test]
fn each_channel_has_a_success_of_its_own_and_is_refused_without_what_it_needs() {
    let schemas = DOCUMENT["components"]["schemas"].as_object().unwrap();
    let schemas = schemas.keys().filter(|name| name.starts_with("Charged"));
    let described: BTreeSet<String> =
        schemas.filter(|name| *name != "Charged" && *name != "ChargedAlipay").cloned().collect();
    let answers = &DOCUMENT["paths"]["/2.0/maxpay/bill"]["post"]["responses"]["200"]["content"];
    let answers = answers["application/json"]["schema"]["anyOf"].as_array().unwrap();
    let answers = answers.iter().map(|one| one["$ref"].as_str().unwrap().rsplit('/').next().unwrap().to_owned());
    let answered: BTreeSet<String> = answers.filter(|name| name != "Failure").collect();
    let expect = BTreeSet::from(Channel::ALL.map(|channel| charged_name(channel.name())));
    assert_eq!(described, expect, "the schemas of docs/openapi.yaml, beside the channels there are");
    assert_eq!(answered, expect, "the answers of /2.0/maxpay/bill in docs/openapi.yaml, beside the channels there are");
    for channel in Channel::ALL {
        let needs = needs(channel);
        let mut charge = json!({ "channel": channel.name(), "billNum": "1", "totalFee": 1, "subject": "tea" });
        needs.iter().for_each(|(field, value, _)| charge[*field] = json!(value));
        assert!(fits("Charge", &charge), "{channel}");
        for (field, _, is_needed) in needs {
            let bare = crate::world::without(charge.clone(), field);
            assert_eq!(fits("Charge", &bare), !is_needed, "docs/openapi.yaml, Charge: {channel} without {field}");
        }
    }
}

/// The document and the code accept the same texts, and refuse the same.
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
