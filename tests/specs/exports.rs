//! What an export covers: the same days in all its parts, the days of the page that leads to it, and one bill whatever its time.

use serde_json::json;

use crate::{
    accounting::{column, export, fill, rows, sheets, totals},
    console::Visitor,
    world::{MINUTE_MS, World},
};

const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

const TOKYO: i32 = 540;

/// The bills of a CSV's lines.
fn bills(csv: &str) -> Vec<String> {
    let bill = |row: &Vec<String>| Some(row[1].clone()).filter(|bill| !bill.is_empty());
    rows(csv).iter().filter_map(bill).collect()
}

/// The address in a link whose beginning is known, as a browser reads it.
fn link(page: &str, beginning: &str) -> String {
    let start = page.find(beginning).unwrap_or_else(|| panic!("{beginning}: {page}"));
    let address = page[start..].split('"').next().unwrap();
    address.replace("&amp;", "&").replace("&#38;", "&").trim_start_matches("/console").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_runs_past_midnight_covers_the_days_with_which_it_began() {
    const COUNT: u32 = 2100;
    let world = World::start().await;
    world.advance(DAY_MS + 89 * MINUTE_MS + 30_000).await;
    fill(&world, COUNT).await;
    let owner = Visitor::owner(&world).await;
    // Half a minute before midnight, the 23rd is yesterday.
    let asked = ["&time=yesterday", "&time=yesterday&by=created"];
    let mut going_on = Vec::new();
    for asked in asked {
        let first = owner.get(&world, &export(&world, asked)).await;
        assert_eq!(first.header("x-rows"), "2000", "{asked}");
        let [cursor, handed_on] = ["x-next-cursor", "x-totals"].map(|name| first.header(name).to_owned());
        going_on.push(format!("{asked}&cursor={cursor}&totals={handed_on}"));
    }
    world.advance(MINUTE_MS).await;
    for asked in &going_on {
        let last = owner.get(&world, &export(&world, asked)).await;
        assert_eq!((last.header("x-rows"), last.header("x-next-cursor")), ("100", ""), "{asked}");
    }
    let book = owner.get(&world, &export(&world, &format!("{}&format=xlsx", going_on[1]))).await;
    let [lines, total] = sheets(&book);
    assert_eq!((column(&lines, 16), totals(&total).1[0]), (100 * 9900, i64::from(COUNT) * 9900));
    let said = total.rows().map(|row| format!("{} {}", row[0], row[1])).collect::<Vec<_>>();
    assert!(said.contains(&"Time Yesterday · 2026-11-23 · Beijing (UTC+08:00)".to_owned()), "{said:?}");
    // The page of the part says the same, and so does a new export of today.
    let page = format!("/apps/{}/export?mode=test{}", world.app.app_id, going_on[1]);
    assert!(owner.get(&world, &page).await.text().contains("Yesterday · 2026-11-23 · Beijing"));
    let new = owner.get(&world, &export(&world, asked[1])).await.text();
    assert_eq!(bills(&new), ["model"]);
    for cursor in ["2~1~", "x~~", "~~x"] {
        let part = owner.get(&world, &export(&world, &format!("&by=created&cursor={cursor}"))).await;
        assert_eq!(part.status, 400, "{cursor}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_of_a_statement_are_of_its_days_wherever_the_reader_is() {
    let world = World::start().await;
    // On the last of November at 23:40 in Beijing. In Tokyo it is December.
    world.advance(7 * DAY_MS + 70 * MINUTE_MS).await;
    world.paid("november").await;
    world.advance(HOUR_MS).await;
    world.paid("december").await;
    world.advance(MINUTE_MS).await;
    let tokyo = Visitor::owner(&world).await.in_zone(TOKYO);
    for by in ["created", "paid", "settled"] {
        let statement = format!("/apps/{}/statement?mode=test&month=2026-11&by={by}", world.app.app_id);
        let statement = tokyo.get(&world, &statement).await.text();
        let beginning = format!("/console/apps/{}/export?", world.app.app_id);
        let asked = statement.match_indices(&beginning).map(|(at, _)| link(&statement[at..], &beginning));
        let address = asked.into_iter().find(|address| address.contains("from=")).unwrap();
        let page = tokyo.get(&world, &address).await.text();
        assert!(page.contains("<dd>2026-11-01 – 2026-11-30 · Beijing (UTC+08:00)</dd>"), "{by}: {page}");
        // What the form sends has the same days.
        assert!(page.contains("<input type=\"hidden\" name=\"days\" value=\"beijing\">"), "{by}: {page}");
        let part = address.replace("/export?", "/export/part?");
        assert_eq!(bills(&tokyo.get(&world, &part).await.text()), ["november"], "{by}");
        let [lines, total] = sheets(&tokyo.get(&world, &format!("{part}&format=xlsx")).await);
        assert_eq!((column(&lines, 16), totals(&total).1[0]), (9900, 9900), "{by}");
        assert!(total.rows().any(|row| row[1].to_string().ends_with("2026-11-30 · Beijing (UTC+08:00)")), "{by}");
        assert!(statement.contains("<td>2026-11-30</td>") && !statement.contains("<td>2026-12-01</td>"), "{by}");
    }
    // An export that did not begin at the statement has the days of its reader, and says so. By settlement they are days in Beijing.
    let own = "&time=own&from=2026-11-30&to=2026-11-30";
    for (by, zone, expect) in
        [("paid", "Tokyo (UTC+09:00)", None), ("settled", "Beijing (UTC+08:00)", Some("november"))]
    {
        let page = format!("/apps/{}/export?mode=test&by={by}{own}", world.app.app_id);
        let page = tokyo.get(&world, &page).await.text();
        assert!(page.contains(&format!("<dd>2026-11-30 · {zone}</dd>")), "{by}: {page}");
        let lines = tokyo.get(&world, &export(&world, &format!("&by={by}{own}"))).await.text();
        assert_eq!(bills(&lines), expect.into_iter().collect::<Vec<_>>(), "{by}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_by_settlement_has_no_status_and_says_so() {
    let world = World::start().await;
    world.paid("one").await;
    let owner = Visitor::owner(&world).await;
    for (by, status, expect) in
        [("created", "Closed", [].as_slice()), ("paid", "Closed", &[]), ("settled", "Every status", &["one"])]
    {
        let asked = format!("mode=test&by={by}&status=closed");
        let page = owner.get(&world, &format!("/apps/{}/export?{asked}", world.app.app_id)).await.text();
        assert!(page.contains(&format!("<dt>Status</dt><dd>{status}</dd>")), "{by}: {page}");
        let part = owner.get(&world, &format!("/apps/{}/export/part?{asked}", world.app.app_id)).await.text();
        assert_eq!(bills(&part), expect, "{by}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bill_is_exported_whatever_the_period() {
    let world = World::start().await;
    // Charged on the last of November and paid on the first of December.
    world.advance(7 * DAY_MS + 80 * MINUTE_MS).await;
    let id = world.charged("SO-1").await;
    world.advance(20 * MINUTE_MS).await;
    world.play(&id, "pay", json!({})).await;
    world.advance(MINUTE_MS).await;
    let owner = Visitor::owner(&world).await;
    for by in ["", "&by=created", "&by=paid", "&by=settled"] {
        for time in
            ["", "&time=month", "&time=last-month", "&time=yesterday", "&time=own&from=2020-01-01&to=2020-01-01"]
        {
            for search in ["SO-1", &id] {
                let csv = owner.get(&world, &export(&world, &format!("&q={search}{time}{by}"))).await;
                assert_eq!(bills(&csv.text()), ["SO-1"], "{search} {time} {by}");
                if !by.is_empty() {
                    assert_eq!(rows(&csv.text()).last().unwrap()[16], "99.00", "{search} {time} {by}");
                }
            }
        }
    }
    // The page names no time that does not count.
    let page = format!("/apps/{}/export?mode=test&q=SO-1&time=month&by=paid", world.app.app_id);
    let page = owner.get(&world, &page).await.text();
    assert!(page.contains("<dd>SO-1</dd>") && !page.contains("<dt>Time</dt>"), "{page}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_payment_only_lists_of_paid_bills_are_read() {
    let world = World::start().await;
    world.paid("paid").await;
    world.charged("open").await;
    let owner = Visitor::owner(&world).await;
    for (by, lists) in [("created", 12 * 4), ("paid", 12 * 2)] {
        let first = owner.get(&world, &export(&world, &format!("&by={by}"))).await;
        let again = format!("&by={by}&totals={}", first.header("x-totals"));
        let _ = world.stack.metered();
        owner.get(&world, &export(&world, &again)).await;
        let metered = world.stack.metered().into_iter().filter(|metered| metered.place.ends_with("/by_time"));
        assert_eq!(metered.map(|metered| metered.calls).sum::<u64>(), lists, "{by}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_without_totals_says_how_to_get_them() {
    let world = World::start().await;
    world.paid("good").await;
    let tables = world.stack.export().await.unwrap();
    let mut items = tables["TransactionsTable"].as_array().unwrap().iter();
    let mut item = items.find(|item| item["sk"]["S"].as_str().unwrap().starts_with("TX#")).unwrap().clone();
    item["pk"] = json!({ "S": item["pk"]["S"].as_str().unwrap().replace("good", "unreadable") });
    item["fee"] = json!({ "L": [] });
    world.stack.import(&json!({ "TransactionsTable": [item] })).await.unwrap();
    let owner = Visitor::owner(&world).await;
    let statement = format!("/apps/{}/statement?mode=test&month=2026-11", world.app.app_id);
    for (language, says) in [("en", "Choose “Export the lines” and fewer days"), ("zh", "请点“导出明细”，缩短日期")]
    {
        let page = owner.get_in(&world, language, &statement).await.text();
        assert!(page.contains(says) && page.contains("/export?"), "{page}");
    }
    world.end().await;
}
