//! `tail`: new payments and their changes as they come. It looks at the newest records again and again, so the gateway needs no connection of
//! its own for it. A change of a payment that has a hundred newer ones is not seen.

use std::{collections::HashMap, time::Duration};

use serde_json::{Value, json};

use crate::{
    arguments::Tail,
    client::{Caller, Gateway},
    failure::Failure,
    outage,
    output::Output,
    signals::Signals,
    table::{list, record_row, table, text},
    words::{Words, words},
};

/// As many records as one answer gives.
const LOOKED_AT: usize = 100;

pub(crate) async fn tail(gateway: &Gateway, output: Output, of: &Tail) -> Result<(), Failure> {
    let mut body = json!({ "limit": LOOKED_AT, "order": "-createdTime" });
    if let (Some(channel), Some(members)) = (&of.channel, body.as_object_mut()) {
        members.insert("channel".to_owned(), json!(channel));
    }
    let mut known = look(gateway, &body).await?;
    let mut signals = Signals::catch().map_err(|error| Failure::of_catching(&error))?;
    output.note(&words!(
        "正在等待新的支付和变化，按 Ctrl-C 结束",
        "waiting for new payments and changes; Ctrl-C ends it"
    ));
    let watching = async {
        let (mut failures, mut wait) = (0, Duration::from_secs(of.interval));
        loop {
            tokio::time::sleep(wait).await;
            let found = match look(gateway, &body).await {
                Ok(found) => found,
                Err(failure) if failure.may_pass() && failures < outage::FAILURES_MAX => {
                    failures += 1;
                    wait = outage::wait(failures);
                    let seconds = wait.as_secs();
                    let again = words!("{seconds} 秒后重试", "trying again in {seconds} s");
                    output.note(&failure.to_words().and_below(&again));
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            (failures, wait) = (0, Duration::from_secs(of.interval));
            for record in changed(&known, &found) {
                output.result(record, &Words::alike(table(&[record_row(record)])));
            }
            known = found;
        }
    };
    tokio::select! {
        ended = watching => ended,
        _ = signals.next() => Ok(()),
    }
}

async fn look(gateway: &Gateway, body: &Value) -> Result<Vec<Value>, Failure> {
    let answer = gateway.pay(Caller::Server, "records", body).await?;
    Ok(list(&answer, "results").to_vec())
}

/// The records that are new or other than before, oldest first. A record that was moved into view because newer ones left it is neither.
fn changed<'a>(known: &[Value], found: &'a [Value]) -> Vec<&'a Value> {
    let before: HashMap<&str, &Value> = known.iter().map(|record| (text(record, "id"), record)).collect();
    let oldest = known.last().filter(|_| known.len() >= LOOKED_AT).map(created);
    let is_news = |record: &&Value| match before.get(text(record, "id")) {
        Some(before) => before != record,
        None => oldest.is_none_or(|oldest| created(record) >= oldest),
    };
    let mut news: Vec<&Value> = found.iter().filter(is_news).collect();
    news.reverse();
    news
}

fn created(record: &Value) -> i64 {
    record.get("createdTime").and_then(Value::as_i64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, at: i64, status: &str) -> Value {
        json!({ "id": id, "createdTime": at, "status": status })
    }

    #[test]
    fn what_is_new_or_other_is_shown_oldest_first() {
        let known = [record("2", 20, "created"), record("1", 10, "created")];
        let found = [record("3", 30, "created"), record("2", 20, "success"), record("1", 10, "created")];
        let news: Vec<&str> = changed(&known, &found).into_iter().map(|record| text(record, "id")).collect();
        assert_eq!(news, ["2", "3"]);
        assert!(changed(&found, &found).is_empty());
    }

    #[test]
    fn an_old_record_in_a_full_view_is_no_news() {
        let known: Vec<Value> = (0..100).map(|n| record(&n.to_string(), 1000 - n, "created")).collect();
        let mut found = known[1..].to_vec();
        found.push(record("old", 1, "created"));
        assert!(changed(&known, &found).is_empty());
    }
}
