//! Compares the policies of `template.yaml` with the calls of the functions while the specs ran, in both directions:
//!
//!     rm -rf target/tmp/permissions
//!     cargo test --workspace --test specs && cargo test --workspace --test permissions -- --nocapture
//!
//! It is not part of `cargo test`, because it needs the results of all specs. Each spec already checks that a policy lacks nothing:
//! the local stack refuses such a call, as AWS would.

#![cfg(test)]

use std::{collections::BTreeSet, fs, path::PathBuf};

use local::{Grant, Template};

/// A permission that no function's code uses: AWS uses it in the function's name.
struct Platform {
    action: &'static str,
    resource: &'static str,
    reason: &'static str,
}

const LOG: &str = "Lambda writes the function's log";
const TRACES: &str = "Lambda sends the function's traces, which have no resource";
const TABLE_KEY: &str = "DynamoDB uses the tables' key in the function's name";

#[rustfmt::skip]
const PLATFORM: &[Platform] = &[
    Platform { action: "kms:Decrypt",                resource: "Key",          reason: "Lambda decrypts the function's environment when a sandbox starts; DynamoDB the tables" },
    Platform { action: "kms:Encrypt",                resource: "Key",          reason: TABLE_KEY },
    Platform { action: "kms:ReEncrypt*",             resource: "Key",          reason: TABLE_KEY },
    Platform { action: "kms:GenerateDataKey*",       resource: "Key",          reason: TABLE_KEY },
    Platform { action: "kms:DescribeKey",            resource: "Key",          reason: TABLE_KEY },
    Platform { action: "kms:CreateGrant",            resource: "Key",          reason: TABLE_KEY },
    Platform { action: "logs:CreateLogStream",       resource: "FunctionsLog", reason: LOG },
    Platform { action: "logs:PutLogEvents",          resource: "FunctionsLog", reason: LOG },
    Platform { action: "xray:PutTraceSegments",      resource: "*",            reason: TRACES },
    Platform { action: "xray:PutTelemetryRecords",   resource: "*",            reason: TRACES },
    Platform { action: "sqs:SendMessage",            resource: "FailedRuns",   reason: "Lambda keeps the event of a run that failed" },
];

/// What Lambda does to a queue whose messages it hands to a function.
const POLLING: [&str; 3] = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

/// Function, action, resource, and the pattern of its keys.
type Use = (String, String, String, String);
type Uses = BTreeSet<Use>;

/// Why AWS needs a permission in the name of a function; `None` if only the function's code can use it.
fn by_aws(template: &Template, use_: &Use) -> Option<&'static str> {
    let (function, action, resource, _) = use_;
    if POLLING.contains(&action.as_str()) && template.queues_of(function).any(|queue| queue == resource) {
        return Some("Lambda polls the queue for the function");
    }
    PLATFORM.iter().find(|one| one.action == action && one.resource == resource).map(|one| one.reason)
}

/// The calls, from all files that the specs wrote.
fn used() -> Uses {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("permissions");
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("run the specs first: {}: {error}", folder.display()));
    let texts: Vec<_> = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let read = |line: &str| {
        let parts = <[&str; 4]>::try_from(line.split('\t').collect::<Vec<_>>()).unwrap();
        let [function, action, resource, keys] = parts.map(str::to_owned);
        (function, action, resource, keys)
    };
    texts.iter().flat_map(|text| text.lines().map(read)).collect()
}

/// Policies allow cloud functions and topics by name patterns. Only the fact that functions are invoked, and that something is published,
/// can be compared.
fn comparable(grant: Grant) -> (String, String, String, String) {
    let resource = match grant.action.as_str() {
        "lambda:InvokeFunction" => "cloud functions".to_owned(),
        "sns:Publish" => "topics".to_owned(),
        _ => grant.resource,
    };
    (grant.function, grant.action, resource, grant.keys)
}

#[test]
fn every_function_may_do_what_it_does_and_nothing_else() {
    let template = Template::load().unwrap();
    let allowed: Uses = template.grants.iter().cloned().map(comparable).collect();
    let used = used();
    println!("{:<16} {:<28} {:<34} {:<40} allowed  used", "function", "action", "resource", "keys");
    let mut wrong = Vec::new();
    for use_ in allowed.union(&used) {
        let (function, action, resource, keys) = use_;
        let reason = by_aws(&template, use_);
        let (is_allowed, is_used) = (allowed.contains(use_), used.contains(use_));
        let mark = |yes: bool| if yes { "yes" } else { "NO" };
        let by_code = reason.map_or_else(|| mark(is_used).to_owned(), |reason| format!("by AWS: {reason}"));
        println!("{function:<16} {action:<28} {resource:<34} {keys:<40} {:<7}  {by_code}", mark(is_allowed));
        if !is_allowed {
            wrong.push(format!("{function} did {action} on {resource} {keys} without a policy"));
        }
        if !is_used && reason.is_none() {
            wrong.push(format!("{function} may {action} on {resource} {keys} and never did"));
        }
    }
    println!("\nmanaged policies: none (tests/template.rs and tests/template/run)");
    assert!(wrong.is_empty(), "template.yaml, Policies:\n  {}", wrong.join("\n  "));
}
