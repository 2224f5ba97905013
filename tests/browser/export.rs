//! The export, as a person uses it: one click, a file of thousands of rows, and problems during the download.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{driver::in_target, scene::Scene};

/// Two full parts and one more row, together with the bill that was charged through the API.
const ROWS: u32 = 4000;

/// An empty folder for a story's downloads.
fn folder(name: &str) -> PathBuf {
    let folder = in_target("browser/downloads").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder.canonicalize().unwrap()
}

/// The cells of a CSV with quoted cells.
fn cells(text: &str) -> Vec<Vec<String>> {
    let rows = text.strip_prefix('\u{feff}').expect("a mark of UTF-8").strip_suffix("\"\r\n").expect("a last line end");
    let row = |row: &str| row.trim_start_matches('"').split("\",\"").map(|cell| cell.replace("\"\"", "\"")).collect();
    rows.split("\"\r\n").map(row).collect()
}

/// Every record of the demo app's test mode, newest first, from the operator API.
async fn records(scene: &Scene) -> Vec<Value> {
    let (mut records, mut cursor) = (Vec::new(), String::new());
    for _ in 0..=ROWS / 100 {
        let path = format!("/apps/{}/transactions?mode=test&limit=100&cursor={cursor}", scene.world.app.app_id);
        let page = scene.world.admin("GET", &path, Value::Null).await.done(200);
        records.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["cursor"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    records
}

fn same(csv: &str, records: &[Value]) {
    let rows = cells(csv);
    assert_eq!((rows.len(), records.len()), (records.len() + 2, usize::try_from(ROWS).unwrap() + 1));
    for (row, record) in rows.iter().skip(1).zip(records) {
        let text = |name: &str| record[name].as_str().unwrap();
        assert_eq!([row[0].as_str(), &row[1], &row[5]], [text("id"), text("billNum"), text("channel")]);
        assert_eq!(row[7], "99.00");
        let status = if text("status") == "refund" { "Refunded" } else { "Paid" };
        assert_eq!(row[6], status, "{record}");
    }
}

fn only_file(folder: &Path) -> String {
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (file, more) = (files.next().expect("a file"), files.next());
    assert_eq!((more, file.file_name().unwrap().to_str()), (None, Some("transactions-test-2026-11-23.csv")));
    fs::read_to_string(file).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_click_saves_thousands_of_rows_in_one_file() {
    let Some(scene) = Scene::set("en-US").await else { return };
    let browser = &scene.browser;
    scene.many(ROWS).await;
    let records = records(&scene).await;
    scene.sign_in().await;
    browser.open(&scene.app("/transactions?mode=test")).await;
    browser.click(".head .button").await;

    // If a browser cannot write a file in parts, the file is saved at the end.
    let folder = folder("whole");
    browser.downloads(&folder).await;
    browser.run("delete window.showSaveFilePicker", json!([])).await;
    let watch = "window.seen = []; new MutationObserver(() => seen.push([document.querySelector('[data-bar]').value,
        document.querySelector('[data-told]').textContent])).observe(document.querySelector('[data-told]'), { childList: true })";
    browser.run(watch, json!([])).await;
    browser.click("[data-begin=csv]").await;
    browser.until("return document.querySelector('[data-told]').textContent.startsWith('Done')").await;
    assert_eq!(browser.text("[data-told]").await, "Done: 4,001 rows in one file.");
    let seen = browser.run("return seen", json!([])).await;
    let shares: Vec<f64> = seen.as_array().unwrap().iter().map(|step| step[0].as_f64().unwrap()).collect();
    assert!(shares.is_sorted() && shares.iter().any(|share| (0.4..0.6).contains(share)), "{seen}");
    assert!(seen.to_string().contains("2,000 rows, down to 2026-11-23 21:56:41"), "{seen}");
    let file = folder.join("transactions-test-2026-11-23.csv");
    for _ in 0..100 {
        if file.exists() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    same(&only_file(&folder), &records);
    browser.picture("story-exported").await;

    // If it can, it has one part in memory at a time.
    let picker = "window.written = []; window.showSaveFilePicker = async () => ({ createWritable: async () => ({
        write: async (chunk) => written.push(new TextDecoder('utf-8', { ignoreBOM: true }).decode(await chunk.arrayBuffer())),
        close: async () => window.finished = true, abort: async () => {} }) })";
    browser.run(picker, json!([])).await;
    browser.click("[data-begin=csv]").await;
    browser.until("return window.finished === true").await;
    let written = browser.run("return written", json!([])).await;
    let parts: Vec<&str> = written.as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
    assert_eq!(parts.iter().map(|part| part.matches("\r\n").count()).collect::<Vec<_>>(), [2001, 2000, 2]);
    same(&parts.concat(), &records);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_cancelled_and_goes_on_after_a_failure() {
    let Some(scene) = Scene::set("zh-CN").await else { return };
    let browser = &scene.browser;
    scene.many(ROWS).await;
    scene.sign_in().await;
    browser.open(&scene.app("/export?mode=test")).await;
    let picker = "window.written = []; window.dropped = 0; window.showSaveFilePicker = async () => ({ createWritable: async () => ({
        write: async (chunk) => written.push(await chunk.text()), close: async () => window.finished = true,
        abort: async () => { dropped += 1; written = []; } }) })";
    browser.run(picker, json!([])).await;
    // The second part never comes, until the user gives up.
    let hang =
        "const real = window.fetch; window.real = real; window.fetch = (url, how) => url.searchParams.has('cursor')
        ? new Promise((_, no) => how.signal.addEventListener('abort', () => no(how.signal.reason))) : real(url, how)";
    browser.run(hang, json!([])).await;
    browser.click("[data-begin=csv]").await;
    browser.until("return document.querySelector('[data-told]').textContent.includes('已导出 2,000 笔')").await;
    assert_eq!((browser.count("[data-stop]").await, browser.count("[data-begin]").await), (1, 0));
    browser.picture("story-exporting").await;
    browser.click("[data-stop]").await;
    browser.until("return document.querySelector('[data-told]').textContent === '已取消，没有保存文件。'").await;
    assert_eq!(browser.run("return dropped", json!([])).await, 1);

    // A refused part stops the export, and the parts before it are kept.
    let refuse = "window.fetch = (url, how) => url.searchParams.has('cursor') ? Promise.resolve(new Response('', { status: 403 })) : real(url, how)";
    browser.run(refuse, json!([])).await;
    browser.click("[data-begin=csv]").await;
    browser
        .until("return document.querySelector('[data-told]').textContent.includes('连接中断，已导出 2,000 笔')")
        .await;
    browser.run("window.fetch = real", json!([])).await;
    browser.click("[data-resume]").await;
    browser.until("return window.finished === true").await;
    let lines = browser.run("return written.join('').split('\\r\\n').length - 1", json!([])).await;
    assert_eq!(lines, ROWS + 3);

    // Without scripts, each part is a link; another link leads to the next.
    browser.without_scripts().await;
    browser.open(&scene.app("/export?mode=test")).await;
    assert_eq!(browser.count("[data-begin]").await, 0);
    for part in ["最新的一笔开始", "21:56:40 开始的部分", "21:23:20 开始的部分"] {
        assert!(browser.page().await.contains(part), "{part}: {}", browser.page().await);
        browser.click("a[rel=next][data-format=csv]").await;
    }
    assert_eq!(browser.text(".notice.good").await, "导出完成，没有更多内容。");
    scene.end().await;
}
