//! Compares the policies of `template.yaml` with the calls of the functions while the specs ran, in both directions:
//!
//!     rm -rf target/tmp/permissions
//!     cargo test -p tests --test specs && cargo test -p tests --test permissions -- --nocapture
//!
//! It is not part of `cargo test`, because it needs the results of all specs. Each spec already checks that a policy lacks nothing:
//! the local stack refuses such a call, as AWS would.

#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use local::{Grant, Template};

/// Permissions that no function's code uses: AWS uses them in the function's name.
#[rustfmt::skip]
const PLATFORM: &[(&str, &str)] = &[
    ("kms:Decrypt", "Lambda decrypts the function's environment when a sandbox starts"),
];

/// Permissions that SAM adds to the role of each function, besides the policies of the template.
#[rustfmt::skip]
const ADDED_BY_SAM: &[(&str, &str)] = &[
    ("AWSLambdaBasicExecutionRole",    "every function: Lambda writes its logs"),
    ("AWSXRayDaemonWriteAccess",       "every function: Lambda sends its traces (AWSXrayWriteOnlyAccess outside of China)"),
    ("AWSLambdaSQSQueueExecutionRole", "deliver, ask: Lambda receives and deletes the messages it hands over"),
];

/// Function, action, resource, and the pattern of its keys.
type Uses = BTreeSet<(String, String, String, String)>;

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

/// Policies allow cloud functions by name patterns. Only the fact that functions are invoked can be compared.
fn comparable(grant: Grant) -> (String, String, String, String) {
    let invokes = grant.action == "lambda:InvokeFunction";
    (grant.function, grant.action, if invokes { "cloud functions".to_owned() } else { grant.resource }, grant.keys)
}

#[test]
fn every_function_may_do_what_it_does_and_nothing_else() {
    let allowed: Uses = Template::load().unwrap().grants.into_iter().map(comparable).collect();
    let used = used();
    let platform: BTreeMap<&str, &str> = PLATFORM.iter().copied().collect();
    println!("{:<16} {:<28} {:<34} {:<40} allowed  used", "function", "action", "resource", "keys");
    let mut wrong = Vec::new();
    for use_ in allowed.union(&used) {
        let (function, action, resource, keys) = use_;
        let reason = platform.get(action.as_str());
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
    println!("\nadded by SAM to roles:");
    for (policy, reason) in ADDED_BY_SAM {
        println!("  {policy:<32} {reason}");
    }
    assert!(wrong.is_empty(), "template.yaml, Policies:\n  {}", wrong.join("\n  "));
}
