//! The documents that the stack shows: the guides in the console, the links to them, and the API reference of the local stack.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use crate::{console::Visitor, world::World};

/// The addresses in `attribute` of a page that begin so. `&` is written as an entity there.
fn addresses(page: &str, attribute: &str, begin: &str) -> BTreeSet<String> {
    let opening = format!("{attribute}=\"");
    let values = page.split(&opening).skip(1).map(|rest| rest.split_once('"').unwrap().0);
    values.filter(|value| value.starts_with(begin)).map(|value| value.replace("&amp;", "&")).collect()
}

/// Reads a page without a session, and checks that it is there.
async fn read(world: &World, language: &str, path: &str) -> String {
    let answer = world.call("GET", path, &[("Accept-Language", language)], "").await;
    assert_eq!(answer.status, 200, "{path}");
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
    answer.text()
}

/// Every page of the guides that links lead to from the table of contents, by its path.
async fn walk(world: &World, language: &str) -> BTreeMap<String, String> {
    let (mut pages, mut left) = (BTreeMap::new(), vec!["/console/guides".to_owned()]);
    while let Some(path) = left.pop() {
        if pages.contains_key(&path) {
            continue;
        }
        let page = read(world, language, &path).await;
        let links = addresses(&page, "href", "/console/guides");
        left.extend(links.iter().map(|link| link.split('#').next().unwrap().to_owned()));
        pages.insert(path, page);
    }
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn every_guide_is_read_without_a_password_and_every_link_in_it_leads_somewhere() {
    let world = World::start().await;
    for (language, title) in [("zh-CN", "<h1 id=\"支付宝\">支付宝</h1>"), ("en", "<h1 id=\"alipay\">Alipay</h1>")]
    {
        let pages = walk(&world, language).await;
        assert_eq!(pages.len(), 23, "{:?}", pages.keys());
        assert!(pages["/console/guides/alipay"].contains(title), "{language}");
        for (path, page) in &pages {
            let shown = page.split_once("<article").unwrap().1;
            for link in addresses(shown, "href", "/console/guides") {
                let (leads_to, anchor) = link.split_once('#').unwrap_or((&link, ""));
                let anchor = form_urlencoded::parse(anchor.as_bytes()).next().unwrap_or_default().0;
                let ids = addresses(&pages[leads_to], "id", "");
                assert!(anchor.is_empty() || ids.contains(&*anchor), "{path} in {language}: {link}");
            }
            let others = addresses(shown, "href", "");
            let is_known = |link: &String| {
                ["/console/guides", "https://", "#"].iter().any(|begin| link.starts_with(begin)) || link == "/docs"
            };
            assert!(others.iter().all(is_known), "{path} in {language}: {others:?}");
        }
    }
    assert_eq!(world.call("GET", "/console/guides/nowhere", &[], "").await.status, 404);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_console_lead_to_the_guide_that_helps_there_in_the_readers_language() {
    #[rustfmt::skip]
    const PAGES: &[(&str, &[(&str, &str)])] = &[
        ("/channels/ali?mode=test",         &[("alipay#密钥在哪里填到哪里", "alipay#where-each-key-is-and-where-it-goes"), ("alipay#常见问题", "alipay#common-mistakes")]),
        ("/channels/wx_app?mode=live",      &[("wechat-pay#密钥在哪里填到哪里", "wechat-pay#where-each-key-is-and-where-it-goes"), ("wechat-pay#常见问题", "wechat-pay#common-mistakes")]),
        ("/channels/wx_mp?mode=live",       &[("wechat-pay#密钥在哪里填到哪里", "wechat-pay#where-each-key-is-and-where-it-goes"), ("wechat-pay#常见问题", "wechat-pay#common-mistakes")]),
        ("/channels/unipay_app?mode=live",  &[("unionpay#证书在哪里填到哪里", "unionpay#where-each-certificate-is-and-where-it-goes"), ("unionpay#常见问题", "unionpay#common-mistakes")]),
        ("/channels/unipay_web?mode=live",  &[("unionpay#证书在哪里填到哪里", "unionpay#where-each-certificate-is-and-where-it-goes"), ("unionpay#常见问题", "unionpay#common-mistakes")]),
        ("/webhooks?mode=test",             &[("webhooks", "webhooks")]),
        ("/webhooks/new?mode=test",         &[("webhooks", "webhooks")]),
        ("/deliveries?mode=test",           &[("webhooks#常见问题", "webhooks#common-mistakes")]),
        ("/incidents?mode=test",            &[("refunds-and-reconciliation#对账", "refunds-and-reconciliation#reconciliation")]),
        ("/transactions/PAID?mode=test",    &[("refunds-and-reconciliation#退款的结局", "refunds-and-reconciliation#how-a-refund-ends")]),
        ("/settings?mode=test",             &[("quick-start", "quick-start"), ("errors", "errors"), ("prices-and-threats", "prices-and-threats")]),
        ("/overview?mode=live",             &[("going-live", "going-live")]),
        ("/first-steps",                    &[("quick-start", "quick-start"), ("alipay#密钥在哪里填到哪里", "alipay#where-each-key-is-and-where-it-goes"),
                                              ("wechat-pay#密钥在哪里填到哪里", "wechat-pay#where-each-key-is-and-where-it-goes"),
                                              ("unionpay#证书在哪里填到哪里", "unionpay#where-each-certificate-is-and-where-it-goes"),
                                              ("testing", "testing"), ("webhooks", "webhooks"), ("going-live", "going-live")]),
    ];
    let world = World::start().await;
    let id = world.paid("paid").await;
    let owner = Visitor::owner(&world).await;
    for language in ["zh-CN", "en"] {
        for (page, expect) in PAGES {
            let path = format!("/apps/{}{}", world.app.app_id, page.replace("PAID", &id));
            let text = owner.get_in(&world, language, &path).await.text();
            let main = text.split_once("<main").unwrap().1;
            let links = addresses(main, "href", "/console/guides/");
            let named: BTreeSet<String> =
                links.iter().map(|link| link["/console/guides/".len()..].to_owned()).collect();
            let expect = expect.iter().map(|(zh, en)| if language == "en" { *en } else { *zh }.to_owned());
            assert_eq!(named, expect.collect(), "{page} in {language}");
            for link in links {
                let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
                let guide = read(&world, language, path).await;
                let ids = addresses(&guide, "id", "");
                assert!(anchor.is_empty() || ids.contains(anchor), "{link} in {language}");
            }
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_reference_loads_nothing_from_elsewhere() {
    let world = World::start().await;
    let page = world.call("GET", "/docs", &[], "").await;
    let policy = page.header("content-security-policy").to_owned();
    for (kind, sources) in policy.split(';').map(|rule| rule.trim().split_once(' ').unwrap()) {
        let is_here = |source: &str| ["'none'", "'self'", "'unsafe-inline'", "data:"].contains(&source);
        assert!(sources.split(' ').all(is_here), "{kind} {sources}");
        assert!(!sources.contains("unsafe") || kind == "style-src", "{kind} {sources}");
    }
    let text = page.text().replace('\'', "\"");
    let parts: BTreeSet<String> = ["href", "src"].iter().flat_map(|name| addresses(&text, name, "")).collect();
    assert_eq!(parts.len(), 4, "{parts:?}");
    for part in parts {
        let answer = world.call("GET", &part, &[], "").await;
        assert!(part.starts_with('/') && answer.status == 200 && !answer.body.is_empty(), "{part}");
    }
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.yaml");
    assert_eq!(world.call("GET", "/docs/openapi.yaml", &[], "").await.text(), fs::read_to_string(file).unwrap());
    world.end().await;
}
