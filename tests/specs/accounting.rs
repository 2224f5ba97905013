//! What an accountant gets: files whose numbers stay numbers, periods by the time that counts, totals that agree with the overview, and a
//! statement of the month. The workbooks are read with a reader of the format that is not ours.

use std::{io::Cursor, path::Path};

use calamine::{Data, Range, Reader, Xlsx};
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    console::Visitor,
    refunds::{of, refund},
    world::{MINUTE_MS, START_MS, World, charge_of, with},
};

const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The places of columns.
const BILL: usize = 1;
const AMOUNT: usize = 7;
const KIND: usize = 9;
const PAID_AT: usize = 10;
const CLOSED_AT: usize = 11;
const TRADE_NO: usize = 12;
const SUBJECT: usize = 13;
const REFUND_NUM: usize = 14;
const REFUNDED_AT: usize = 15;
const IN: usize = 16;
const OUT: usize = 17;

pub(crate) fn export(world: &World, asked: &str) -> String {
    format!("/apps/{}/export/part?mode=test{asked}", world.app.app_id)
}

/// The rows of a CSV whose cells have no quotes, without the heading.
pub(crate) fn rows(csv: &str) -> Vec<Vec<String>> {
    let row = |line: &str| {
        let cells = line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap();
        cells.split("\",\"").map(str::to_owned).collect()
    };
    csv.trim_start_matches('\u{feff}').lines().skip(1).map(row).collect()
}

/// The sheets of a workbook: the lines and the totals.
pub(crate) fn sheets(answer: &Answer) -> [Range<Data>; 2] {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(answer.body.to_vec())).unwrap();
    ["Lines", "Total"].map(|name| book.worksheet_range(name).unwrap())
}

/// A number as fen. The reader has it as a binary fraction.
pub(crate) fn fen(cell: &Data) -> i64 {
    let Data::Float(yuan) = cell else { panic!("{cell:?} is no number") };
    let text = format!("{yuan:.2}").replace('.', "");
    text.parse().unwrap()
}

/// The fen in a column of a sheet.
pub(crate) fn column(sheet: &Range<Data>, place: usize) -> i64 {
    sheet.rows().skip(1).map(|row| &row[place]).filter(|cell| **cell != Data::Empty).map(fen).sum()
}

/// The last line of the totals: payments, money in, money out, net.
pub(crate) fn totals(sheet: &Range<Data>) -> (String, [i64; 3]) {
    let last = sheet.rows().next_back().unwrap();
    (last[1].to_string(), [&last[2], &last[3], &last[4]].map(fen))
}

/// The kinds of the lines with their bills.
fn lines(csv: &str) -> Vec<String> {
    rows(csv).iter().map(|row| format!("{} {}", row[KIND], row[BILL]).trim().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn new_columns_follow_and_the_old_ones_keep_their_places() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let id = world.paid("20261123000000000001").await;
    world.advance(1000).await;
    let closed = world.charged("closed").await;
    world.advance(MINUTE_MS - 1000).await;
    refund(&world, &of("20261123000000000001", "7360121280419490194", 900)).await.ok();
    let path = format!("/apps/{}/transactions/{closed}/close?mode=test", world.app.app_id);
    world.admin("POST", &path, json!({})).await.done(200);
    let trade_no = world.trade(&id).await["tradeNo"].as_str().unwrap().to_owned();

    // An address of earlier versions has the rows that it had: payments alone.
    let old = owner.get(&world, &export(&world, "")).await.text();
    let heading = old.trim_start_matches('\u{feff}').lines().next().unwrap().to_owned();
    let first = "\"Transaction ID\",\"Bill number\",\"Created (UTC+08:00)\",\"Ended (UTC+08:00)\",\"Channel\",\"Channel code\",\
                 \"Status\",\"Amount (CNY)\",\"Refunded (CNY)\",";
    assert!(heading.starts_with(first), "{heading}");
    assert_eq!(lines(&old), ["Payment closed", "Payment 20261123000000000001"]);

    let csv = owner.get(&world, &export(&world, "&by=created")).await.text();
    assert_eq!(csv.lines().next(), old.lines().next());
    assert_eq!(lines(&csv), ["Payment closed", "Payment 20261123000000000001", "Refund 20261123000000000001", "Total"]);
    let [unpaid, paid, back, total] = rows(&csv).try_into().unwrap();
    assert_eq!((unpaid[PAID_AT].as_str(), unpaid[CLOSED_AT].as_str()), ("", "2026-11-23 22:31:00"));
    assert_eq!((paid[PAID_AT].as_str(), paid[CLOSED_AT].as_str()), ("2026-11-23 22:30:00", ""));
    assert_eq!(
        (paid[AMOUNT].as_str(), paid[8].as_str(), paid[IN].as_str(), paid[OUT].as_str()),
        ("99.00", "9.00", "99.00", "")
    );
    // Long numbers are texts for a spreadsheet, and programs trim the tab.
    assert_eq!((paid[TRADE_NO].trim(), paid[TRADE_NO].ends_with('\t')), (trade_no.as_str(), true), "{paid:?}");
    assert_eq!(paid[SUBJECT], "A cup of tea");
    assert_eq!(back[REFUND_NUM], "7360121280419490194\t");
    assert_eq!((back[REFUNDED_AT].as_str(), back[OUT].as_str()), ("2026-11-23 22:31:00", "9.00"));
    assert_eq!((back[AMOUNT].as_str(), back[8].as_str(), back[IN].as_str()), ("", "", ""), "nothing counts twice");
    assert_eq!((total[IN].as_str(), total[OUT].as_str()), ("99.00", "9.00"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_has_numbers_dates_and_ids_that_stay_whole() {
    let world = World::start().await;
    let owner = Visitor::owner(&world).await;
    let risky = with(charge_of("ali_qrcode", "=1+1"), &json!({ "subject": "=HYPERLINK(\"http://x\")" }));
    let risky = world.charge(&risky).await.ok()["id"].as_str().unwrap().to_owned();
    world.play(&risky, "pay", json!({})).await;
    world.advance(1000).await;
    world.paid("7360121280419490194").await;
    refund(&world, &of("7360121280419490194", "000123456789012345678", 1)).await.ok();
    let answer = owner.get(&world, &export(&world, "&by=paid&format=xlsx")).await;
    assert!(answer.header("content-type").ends_with("spreadsheetml.sheet"));
    assert!(answer.header("content-disposition").ends_with("transactions-test-2026-11-23.xlsx\""));
    assert_eq!((answer.header("x-rows"), answer.header("x-next-cursor")), ("3", ""));
    let [lines, total] = sheets(&answer);
    let text = |row: usize, place: usize| lines.get((row, place)).unwrap().clone();
    assert_eq!(text(1, BILL), Data::String("7360121280419490194".to_owned()));
    assert_eq!(text(2, REFUND_NUM), Data::String("000123456789012345678".to_owned()));
    // A text is no formula in a workbook, whatever it begins with.
    assert_eq!(text(3, BILL), Data::String("=1+1".to_owned()));
    assert_eq!(text(3, SUBJECT), Data::String("=HYPERLINK(\"http://x\")".to_owned()));
    // A date is a number of days, and this one is half past ten in the evening.
    assert!(
        matches!(text(3, PAID_AT), Data::DateTime(at) if format!("{:.4}", at.as_f64()) == "46349.9375"),
        "{lines:?}"
    );
    assert_eq!((column(&lines, IN), column(&lines, OUT)), (19800, 1));
    assert_eq!(totals(&total), ("2".to_owned(), [19800, 1, 19799]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_counts_by_order_by_payment_or_by_settlement() {
    let world = World::start().await;
    world.advance(80 * MINUTE_MS).await;
    let ali = world.charged("late").await;
    world.advance(1000).await;
    world.charge(&charge_of("ali_qrcode", "open")).await.ok();
    world.advance(20 * MINUTE_MS).await;
    world.play(&ali, "pay", json!({})).await;
    world.advance(DAY_MS + 12 * HOUR_MS).await;
    refund(&world, &of("late", "back-1", 900)).await.ok();
    // A refund made in the provider's console has no time.
    let amount = json!({ "amount": "1.00" }).to_string();
    world.post_as(&[], &format!("/_local/simulator/alipay/trades/{ali}/refund"), amount).await;
    world.advance(MINUTE_MS).await;
    let owner = Visitor::owner(&world).await;
    let on = async |by: &str, day: &str| {
        let asked = format!("&by={by}&time=own&from=2026-11-{day}&to=2026-11-{day}");
        lines(&owner.get(&world, &export(&world, &asked)).await.text())
    };
    let whole = ["Payment late", "Refund late", "Refund at the provider late", "Total"];
    assert_eq!(on("created", "23").await, [&["Payment open"], whole.as_slice()].concat());
    for (by, day, expect) in [
        ("created", "24", ["Total"].as_slice()),
        ("paid", "23", &["Total"]),
        ("paid", "24", &whole),
        ("paid", "25", &["Total"]),
        ("settled", "23", &["Total"]),
        ("settled", "24", &["Payment late", "Total"]),
        ("settled", "25", &["Refund late", "Total"]),
    ] {
        assert_eq!(on(by, day).await, expect, "{by} {day}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn yesterday_and_the_months_are_a_click_away_in_the_shops_zone() {
    let world = World::start().await;
    world.paid("november").await;
    world.advance(DAY_MS).await;
    let owner = Visitor::owner(&world).await;
    let page = owner.get_in(&world, "zh", &format!("/apps/{}/export?mode=test", world.app.app_id)).await.text();
    for link in ["昨天", "本月", "上月", "按下单时间", "按支付时间", "按结算日", "导出 Excel", "月结单"]
    {
        assert!(page.contains(link), "{link}: {page}");
    }
    let bills =
        async |time: &str| lines(&owner.get(&world, &export(&world, &format!("&by=paid&time={time}"))).await.text());
    assert_eq!(bills("yesterday").await, ["Payment november", "Total"]);
    assert_eq!(bills("month").await, ["Payment november", "Total"]);
    assert_eq!(bills("last-month").await, ["Total"]);
    world.advance(10 * DAY_MS).await;
    let owner = Visitor::owner(&world).await;
    let bills =
        async |time: &str| lines(&owner.get(&world, &export(&world, &format!("&by=paid&time={time}"))).await.text());
    assert_eq!((bills("yesterday").await, bills("month").await), (vec!["Total".to_owned()], vec!["Total".to_owned()]));
    assert_eq!(bills("last-month").await, ["Payment november", "Total"]);
    world.end().await;
}

/// Puts copies of a paid bill into the table, each a second older than the one before.
pub(crate) async fn fill(world: &World, count: u32) {
    world.paid("model").await;
    let tables = world.stack.export().await.unwrap();
    let mut items = tables["TransactionsTable"].as_array().unwrap().iter();
    let model = items.find(|item| item["sk"]["S"].as_str().unwrap().starts_with("TX#")).unwrap();
    let pk = model["pk"]["S"].as_str().unwrap();
    let copy = |number: u32| {
        let ms = START_MS - i64::from(number + 1) * 1000;
        let id = format!("{ms:012x}{number:012x}");
        let texts = [
            ("pk", pk.replace("model", &format!("bulk-{number}"))),
            ("by_time_sk", format!("{ms:015}#{id}")),
            ("id", id),
        ];
        let mut item = model.clone();
        for (name, text) in texts {
            item[name] = json!({ "S": text });
        }
        item["created_ms"] = json!({ "N": ms.to_string() });
        item
    };
    for start in (0..count).step_by(5000) {
        let copies: Vec<Value> = (start..count.min(start + 5000)).map(copy).collect();
        world.stack.import(&json!({ "TransactionsTable": copies })).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_file_fits_an_answer_and_has_the_totals_of_all_of_them() {
    const COUNT: u32 = 20_500;
    let world = World::start().await;
    fill(&world, COUNT).await;
    let owner = Visitor::owner(&world).await;
    let (mut cursor, mut handed_on, mut files) = (String::new(), String::new(), Vec::new());
    let mut sum = 0;
    loop {
        let asked = format!("&by=created&format=xlsx&cursor={cursor}&totals={handed_on}");
        let answer = owner.get(&world, &export(&world, &asked)).await;
        // Lambda's 6 MB are of the answer in base64.
        assert!(answer.body.len() * 4 / 3 < 6_000_000, "{}", answer.body.len());
        let [lines, total] = sheets(&answer);
        assert_eq!(totals(&total).1, [(i64::from(COUNT) + 1) * 9900, 0, (i64::from(COUNT) + 1) * 9900]);
        sum += column(&lines, IN);
        files.push(answer.header("x-rows").to_owned());
        answer.header("x-next-cursor").clone_into(&mut cursor);
        answer.header("x-totals").clone_into(&mut handed_on);
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!((files, sum), (vec!["16000".to_owned(), "4501".to_owned()], (i64::from(COUNT) + 1) * 9900));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_of_another_period_or_of_a_stranger_do_not_count() {
    let world = World::start().await;
    world.paid("one").await;
    let owner = Visitor::owner(&world).await;
    let part = async |asked: &str| owner.get(&world, &export(&world, asked)).await;
    let empty = part("&by=created&time=yesterday").await.header("x-totals").to_owned();
    for totals in [empty.as_str(), "x", "AAAA"] {
        let csv = part(&format!("&by=created&totals={totals}")).await.text();
        assert_eq!(rows(&csv).last().unwrap()[IN], "99.00", "{totals}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statement_of_a_month_sums_up_days_and_channels() {
    let world = World::start().await;
    world.paid("one").await;
    world.advance(DAY_MS).await;
    world.paid("two").await;
    refund(&world, &of("one", "back-1", 900)).await.ok();
    let owner = Visitor::owner(&world).await;
    let statement = async |asked: &str| {
        let page = owner.get(&world, &format!("/apps/{}/statement?mode=test{asked}", world.app.app_id)).await;
        assert_eq!(page.status, 200, "{}", page.text());
        page.text()
    };
    let row = |first: &str, [paid, money_in, money_out, net]: [&str; 4]| {
        let cell = |head: &str, text: &str| format!("<td class=\"num\" data-label=\"{head}\">{text}</td>");
        let money = |head: &str, yuan: &str| cell(head, &format!("¥\u{a0}{yuan}"));
        let sums = [money("Money in", money_in), money("Money out", money_out), money("Net", net)];
        format!("{first}{}{}", cell("Payments", paid), sums.concat())
    };
    let settled = statement("&month=2026-11").await;
    for cells in [
        row("<td>2026-11-23</td>", ["1", "99.00", "0.00", "99.00"]),
        row("<td>2026-11-24</td>", ["1", "99.00", "9.00", "90.00"]),
        row("<th scope=\"row\">Total</th>", ["2", "198.00", "9.00", "189.00"]),
    ] {
        assert!(settled.contains(&cells), "{cells}: {settled}");
    }
    // The chart has a bar for each day up to today.
    assert_eq!(settled.matches(r#"class="slot""#).count(), 24, "{settled}");
    assert!(settled.contains("11-24: ¥\u{a0}99.00, 1 payments; Money out: ¥\u{a0}9.00"), "{settled}");
    let created = statement("&month=2026-11&by=created").await;
    assert!(created.contains(&row("<td>2026-11-23</td>", ["1", "99.00", "9.00", "90.00"])), "{created}");
    // Without a month it is that of the month before.
    assert!(statement("").await.contains("2026-10"));
    for month in ["2026-13", "x", "2026-11-01"] {
        let page = format!("/apps/{}/statement?mode=test&month={month}", world.app.app_id);
        assert_eq!(owner.get(&world, &page).await.status, 404, "{month}");
    }
    world.end().await;
}

/// `tests/spreadsheets/run` opens these files in LibreOffice.
#[tokio::test(flavor = "multi_thread")]
async fn files_for_a_spreadsheet_program() {
    let world = World::start().await;
    for (number, (bill, subject)) in [
        ("7360121280419490194", "Tea, two cups"),
        ("000123", "=1+1"),
        ("12E5", "2026-11-23"),
        ("=1+1", "1/2"),
        ("plain", "A \"good\" cup"),
        ("-5", "+86 10 6552 9988"),
    ]
    .into_iter()
    .enumerate()
    {
        let fee = 100 + i64::try_from(number).unwrap() * 123_456;
        let charge = with(charge_of("ali_qrcode", bill), &json!({ "subject": subject, "totalFee": fee }));
        let id = world.charge(&charge).await.ok()["id"].as_str().unwrap().to_owned();
        world.play(&id, "pay", json!({})).await;
        refund(&world, &of(bill, &format!("736012128041949019{number}"), 1 + fee / 3)).await.ok();
        world.advance(MINUTE_MS).await;
    }
    let owner = Visitor::owner(&world).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/spreadsheets");
    std::fs::create_dir_all(&folder).unwrap();
    for kind in ["csv", "xlsx"] {
        let file = owner.get(&world, &export(&world, &format!("&by=paid&format={kind}"))).await;
        assert_eq!((file.status, file.header("x-rows")), (200, "12"));
        std::fs::write(folder.join(format!("export.{kind}")), &file.body).unwrap();
    }
    world.end().await;
}
