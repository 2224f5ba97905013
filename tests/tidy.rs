//! Checks rules that the compiler cannot check: the law of dependence, no floats near money, one list of routes, and order in the
//! repository.
//!
//! It reads manifests and sources as text. A failure names the file and the rule, so nobody needs to read this file.

#![cfg(test)]

#[path = "tidy/console.rs"]
mod console;
#[path = "tidy/tuples.rs"]
mod tuples;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use local::{Function, FunctionRoute, Template};
use toml::{Table, Value};

/// ARCHITECTURE.md: which of our crates each of our crates may use. Every crate must be listed here.
#[rustfmt::skip]
const LAW: &[(&str, &[&str])] = &[
    ("domain",          &[]),
    ("outbound",        &[]),
    ("providers",       &["domain"]),
    ("store",           &["domain"]),
    ("queue",           &["domain"]),
    ("runtime",         &["domain", "outbound", "providers", "queue", "store"]),
    ("charge",          &["charging", "domain", "outbound", "providers", "runtime"]),
    ("charging",        &["domain", "outbound", "providers", "runtime", "store"]),
    ("checkout",        &["charging", "domain", "outbound", "providers", "queue", "runtime", "settlement", "store"]),
    ("query",           &["domain", "outbound", "providers", "queue", "runtime", "settlement", "store"]),
    ("settlement",      &["domain", "outbound", "providers", "queue", "runtime", "store"]),
    ("provider-notify", &["domain", "outbound", "providers", "queue", "runtime", "settlement", "store"]),
    ("admin",           &["charging", "courier", "domain", "outbound", "providers", "queue", "runtime", "settlement", "store"]),
    ("courier",         &["domain", "outbound"]),
    ("deliver",         &["courier", "domain", "outbound", "queue", "runtime", "store"]),
    ("ask",             &["domain", "outbound", "providers", "queue", "runtime", "settlement"]),
    ("sweep",           &["courier", "domain", "outbound", "providers", "queue", "runtime", "settlement", "store"]),
    ("unrouted",        &["runtime"]),
    // It uses none of our crates: a mistake in `providers` would otherwise be in both, and no test would find it.
    ("simulators",      &[]),
    ("local",           &["admin", "ask", "charge", "checkout", "courier", "deliver", "domain", "outbound", "provider-notify", "query", "queue",
                          "runtime", "settlement", "simulators", "store", "sweep", "unrouted"]),
    // It knows a gateway by its HTTP interfaces; `domain` has their words, `outbound` the one HTTP client.
    ("cli",             &["domain", "outbound"]),
    ("tests",           &["domain", "local", "outbound"]),
    ("bench",           &["domain", "local", "outbound", "providers"]),
    ("floor",           &["domain", "providers"]),
    ("simulation",      &["domain", "local", "outbound"]),
];

/// Third-party crates that only some of our crates may use, by the beginning of their names.
#[rustfmt::skip]
const RESERVED: &[(&str, &[&str])] = &[
    ("aws-sdk-dynamodb",   &["store", "runtime", "local"]),
    ("aws-sdk-sqs",        &["queue", "runtime", "local"]),
    ("aws-sdk-lambda",     &["outbound", "runtime", "local"]),
    ("aws-sdk-sns",        &["outbound", "runtime"]),
    ("aws-",               &["store", "queue", "outbound", "runtime", "local"]),
    ("reqwest",            &["outbound"]),
    ("webpki-roots",       &["outbound"]),
    ("rustls",             &["outbound", "runtime"]),
    ("lambda_",            &["runtime", "charge", "checkout", "query", "provider-notify", "admin", "deliver", "ask", "sweep", "unrouted", "floor"]),
    ("axum",               &["admin", "local", "simulators", "bench"]),
    ("hyper",              &["local"]),
    ("argon2",             &["admin"]),
    ("totp-rs",            &["admin", "tests"]),
    ("fast_qr",            &["admin", "checkout", "cli", "simulators"]),
    ("askama",             &["admin", "checkout"]),
    ("multer",             &["admin"]),
    ("dynoxide",           &["local"]),
    ("tracing-subscriber", &["runtime", "simulation", "tests"]),
    ("serde_yaml_ng",      &["local", "tests"]),
    ("clap",               &["cli", "local"]),
    ("rpassword",          &["cli"]),
    ("rsa",                &["providers", "simulators"]),
    ("sha1",               &["providers", "simulators"]),
    ("quick-xml",          &["providers", "simulators"]),
    ("aes",                &["providers", "simulators"]),
    ("p12-keystore",       &["providers"]),
    ("pkcs5",              &["providers"]),
    ("x509-parser",        &["providers", "simulators"]),
    ("pulldown-cmark",     &["admin"]),
    ("utoipa-swagger-ui",  &["local"]),
    ("zip",                &["sweep", "simulators", "local"]),
    ("flate2",             &["sweep", "simulators", "bench"]),
    ("encoding_rs",        &["providers", "simulators"]),
    ("syn",                &["tests"]),
    ("proc-macro2",        &["tests"]),
];

/// Third-party crates that some of our crates must never use: they do I/O, log, read the clock or use randomness.
#[rustfmt::skip]
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("domain",    &["tokio", "futures", "async", "tracing", "log", "ring", "rand", "getrandom", "http", "bytes", "uuid"]),
    ("providers", &["tokio", "futures", "async", "tracing", "log", "rand", "getrandom", "hyper", "uuid"]),
    ("store",     &["http", "hyper", "lambda", "axum"]),
    ("queue",     &["tokio", "http", "hyper", "lambda", "axum"]),
    ("outbound",  &["lambda", "axum", "serde_json"]),
    ("charge",    &["axum", "askama", "ring"]),
    ("charging",  &["axum", "askama", "ring", "serde"]),
    ("checkout",  &["axum"]),
    ("query",     &["axum", "askama", "ring"]),
];

/// Source files that may be longer than the limit, with the reason.
#[rustfmt::skip]
const LONG_FILES: &[(&str, &str)] = &[
    ("functions/admin/src/console/texts.rs", "one table of every text in both languages"),
];

/// Where all Rust is. Of `sdk` only the command line tool is a member of the workspace.
const SOURCES: [&str; 4] = ["functions", "infra", "sdk/cli", "tests"];

const LINES_MAX: usize = 500;

/// Official vectors and our own. Each file has a test that reads it.
const VECTORS: [&str; 7] = [
    "README.md",
    "alipay.json",
    "certificates.json",
    "published.json",
    "unionpay-keys.json",
    "unionpay.json",
    "wechat.json",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn manifest(folder: &str) -> Table {
    read(&root().join(folder).join("Cargo.toml")).parse().unwrap()
}

/// The members of the workspace: folder and manifest.
fn members() -> Vec<(String, Table)> {
    let listed = manifest("")["workspace"]["members"].as_array().unwrap().clone();
    listed
        .iter()
        .map(|folder| folder.as_str().unwrap().to_owned())
        .map(|folder| (folder.clone(), manifest(&folder)))
        .collect()
}

fn name(manifest: &Table) -> &str {
    manifest["package"]["name"].as_str().unwrap()
}

/// The names in one dependency table.
fn dependencies<'a>(manifest: &'a Table, table: &str) -> Vec<&'a str> {
    manifest.get(table).and_then(Value::as_table).into_iter().flat_map(Table::keys).map(String::as_str).collect()
}

const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

fn all_dependencies(manifest: &Table) -> Vec<&str> {
    TABLES.iter().flat_map(|table| dependencies(manifest, table)).collect()
}

/// Every source file in these folders, as paths from the root.
fn sources(folders: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut left: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(path) = left.pop() {
        if path.ends_with("target") {
            continue;
        }
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
        }
    }
    found.sort();
    found
}

fn file_names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[track_caller]
fn check_none(wrong: &[String], rule: &str) {
    assert!(wrong.is_empty(), "{rule}:\n  {}", wrong.join("\n  "));
}

#[test]
fn our_crates_use_each_other_by_the_law() {
    let law: BTreeMap<&str, &[&str]> = LAW.iter().copied().collect();
    let mut wrong = Vec::new();
    for (folder, manifest) in members() {
        let Some(allowed) = law.get(name(&manifest)) else {
            wrong.push(format!("{folder}: no such crate in the law"));
            continue;
        };
        let used = all_dependencies(&manifest);
        let ours = used.iter().filter(|used| law.contains_key(*used) && !allowed.contains(used));
        wrong.extend(ours.map(|ours| format!("{folder} must not use {ours}")));
    }
    check_none(&wrong, "ARCHITECTURE.md, the law of dependence");
}

#[test]
fn crates_of_others_stay_where_they_belong() {
    let mut wrong = Vec::new();
    for (folder, manifest) in members() {
        let ours = name(&manifest);
        for used in dependencies(&manifest, "dependencies") {
            let reserved = RESERVED.iter().find(|(begin, _)| used.starts_with(begin));
            if reserved.is_some_and(|(_, allowed)| !allowed.contains(&ours)) {
                wrong.push(format!("{folder} must not use {used}"));
            }
            let forbidden = FORBIDDEN.iter().filter(|(to, _)| *to == ours).flat_map(|(_, begins)| *begins);
            wrong.extend(
                forbidden.filter(|begin| used.starts_with(**begin)).map(|_| format!("{folder} must not use {used}")),
            );
        }
    }
    check_none(&wrong, "CONTRIBUTING.md 5 and ARCHITECTURE.md");
}

/// A deployed function is built alone, with only the features that its own crates request. So it uses the real network and the
/// system's randomness, and nothing simulated.
#[test]
fn nobody_but_the_simulation_asks_for_what_is_simulated() {
    let mut wrong = Vec::new();
    for (folder, manifest) in members() {
        let asks = |value: &Value| value.to_string().contains("simulated");
        let in_dependencies = ["dependencies", "dev-dependencies", "build-dependencies"]
            .iter()
            .filter_map(|kind| manifest.get(*kind))
            .any(asks);
        let by_default = manifest.get("features").and_then(|features| features.get("default")).is_some_and(asks);
        if (in_dependencies && name(&manifest) != "simulation") || by_default {
            wrong.push(folder);
        }
    }
    let root = manifest("");
    assert!(!root["workspace"]["dependencies"].to_string().contains("simulated"), "the root Cargo.toml");
    check_none(&wrong, "ARCHITECTURE.md: only tests/simulation asks for the feature simulated");
}

#[test]
fn sources_name_only_what_their_manifest_may() {
    #[rustfmt::skip]
    let rules: &[(&str, &[&str])] = &[
        ("aws_sdk_dynamodb", &["infra/store/", "infra/runtime/", "infra/local/"]),
        ("aws_sdk_sqs",      &["infra/queue/", "infra/runtime/", "infra/local/"]),
        ("reqwest::",        &["infra/outbound/"]),
        ("std::env::",       &["infra/runtime/", "infra/local/", "tests/", "infra/simulators/src/alipay/tests/",
                               "infra/simulators/src/unionpay/tests/", "infra/simulators/src/wechat/tests/",
                               "infra/simulators/src/kit/orders/tests.rs",
                               "sdk/cli/src/system.rs", "sdk/cli/src/profiles/tests.rs"]),
        ("SystemTime",       &["infra/runtime/", "sdk/cli/src/system.rs"]),
    ];
    let mut wrong = Vec::new();
    for path in sources(&SOURCES).iter().filter(|path| *path != "tests/tidy.rs") {
        let text = read(&root().join(path));
        for (word, allowed) in rules {
            if text.contains(word) && !allowed.iter().any(|folder| path.starts_with(folder)) {
                wrong.push(format!("{path} must not name {word}"));
            }
        }
    }
    check_none(&wrong, "CONTRIBUTING.md 2 and 5");
}

#[test]
fn what_is_pure_is_not_async() {
    let pure = sources(&["functions/domain/src", "functions/providers/src"]);
    let is_async = |path: &&String| {
        [".await", "async fn", "async move"].iter().any(|word| read(&root().join(path)).contains(word))
    };
    check_none(&pure.iter().filter(is_async).cloned().collect::<Vec<_>>(), "CONTRIBUTING.md 2: no I/O, not async");
}

#[test]
fn no_float_comes_near_money() {
    // A number in a workbook is a binary fraction by its format. That file calculates with none.
    let folders = ["functions", "infra/store", "infra/queue", "infra/outbound", "infra/runtime", "sdk/cli"];
    let has_float = |path: &&String| {
        let text = read(&root().join(path));
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .any(|word| matches!(word, "f32" | "f64" | "as_f64") && !path.ends_with("console/workbook.rs"))
    };
    check_none(
        &sources(&folders).iter().filter(has_float).cloned().collect::<Vec<_>>(),
        "CONTRIBUTING.md 14: no floats",
    );
}

#[test]
fn the_template_routes_what_the_functions_answer() {
    let template = Template::load().unwrap();
    let routed: BTreeSet<_> = template
        .routes
        .iter()
        .map(|route| (route.function.clone(), route.method.clone(), route.path.clone()))
        .collect();
    assert_eq!(routed.len(), template.routes.len(), "a route is there twice");
    let mut answered = BTreeSet::new();
    for function in Function::ALL {
        for FunctionRoute { method, path } in function.routes() {
            // The operator API and the console accept every method, in order to refuse the wrong ones themselves.
            let method =
                if path.starts_with("/admin/") || path.starts_with("/console") { "ANY" } else { method.as_str() };
            answered.insert((function.name().to_owned(), method.to_owned(), path.to_owned()));
        }
    }
    assert_eq!(routed, answered);
}

#[test]
fn every_function_is_a_crate_with_a_binary() {
    let with_main = |(folder, _): &&(String, Table)| {
        folder.starts_with("functions/") && root().join(folder).join("src/main.rs").is_file()
    };
    let crates: BTreeSet<String> =
        members().iter().filter(with_main).map(|(_, manifest)| name(manifest).to_owned()).collect();
    assert_eq!(BTreeSet::from(Function::ALL.map(|function| function.name().to_owned())), crates);
    // Lambda's runtime starts each of them. Besides them, only its library and the bench's floor use it.
    let (_, started) = RESERVED.iter().find(|(reserved, _)| *reserved == "lambda_").unwrap();
    let others = ["runtime", "floor"].map(str::to_owned).into();
    assert_eq!(started.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(), &crates | &others);
}

#[test]
fn main_files_wire_and_nothing_else() {
    let is_main = |path: &&String| path.starts_with("functions/") && path.ends_with("/main.rs");
    let too_long = |path: &&String| read(&root().join(path)).lines().count() > 30;
    let wrong: Vec<_> = sources(&["functions"]).iter().filter(is_main).filter(too_long).cloned().collect();
    check_none(&wrong, "CONTRIBUTING.md 4: main.rs wires");
}

#[test]
fn every_event_is_named_after_a_function() {
    let functions = Function::ALL.map(|function| format!("{}-", function.name()));
    let named = |file: &&String| file.ends_with(".json") && functions.iter().any(|function| file.starts_with(function));
    let wrong: Vec<_> = file_names("events").iter().filter(|file| !named(file)).cloned().collect();
    check_none(&wrong, "events/<function>-<case>.json");
}

#[test]
fn every_function_has_an_event() {
    let files = file_names("events");
    for function in Function::ALL.map(Function::name) {
        assert!(files.iter().any(|file| file.starts_with(&format!("{function}-"))), "{function}");
    }
}

#[test]
fn every_vector_file_is_there() {
    assert_eq!(file_names("functions/providers/vectors"), VECTORS.map(str::to_owned).into());
}

#[test]
fn every_source_file_says_what_it_is() {
    let silent = |path: &&String| !read(&root().join(path)).starts_with("//! ");
    let wrong: Vec<_> = sources(&SOURCES).iter().filter(silent).cloned().collect();
    check_none(&wrong, "CONTRIBUTING.md 28: a file begins with //!");
}

#[test]
fn no_source_file_is_longer_than_five_hundred_lines_without_a_reason() {
    let lines = |path: &str| read(&root().join(path)).lines().count();
    let excepted: BTreeSet<&str> = LONG_FILES.iter().map(|(path, _)| *path).collect();
    let long = |path: &&String| lines(path) > LINES_MAX && !excepted.contains(path.as_str());
    let wrong: Vec<_> = sources(&SOURCES).iter().filter(long).cloned().collect();
    check_none(&wrong, "CONTRIBUTING.md 36: look for the seam");
    let idle: Vec<_> = excepted.iter().filter(|path| lines(path) <= LINES_MAX).map(|path| (*path).to_owned()).collect();
    check_none(&idle, "needs no exception now");
}

#[test]
fn versions_stand_in_the_root_manifest_only() {
    let mut wrong = Vec::new();
    for (folder, manifest) in members() {
        for table in TABLES {
            for (used, how) in manifest.get(table).and_then(Value::as_table).into_iter().flatten() {
                let from_root = how.get("workspace").and_then(Value::as_bool) == Some(true);
                let own = ["version", "path", "git", "default-features"].iter().any(|key| how.get(key).is_some());
                if !from_root || own {
                    wrong.push(format!("{folder}: {used}"));
                }
            }
        }
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            if manifest["package"].get(key).and_then(|how| how.get("workspace")).is_none() {
                wrong.push(format!("{folder}: package.{key}"));
            }
        }
        if manifest.get("lints").and_then(|lints| lints.get("workspace")).is_none() {
            wrong.push(format!("{folder}: lints"));
        }
    }
    check_none(&wrong, "versions and lints are the workspace's");
}

#[test]
fn every_dependency_of_the_workspace_is_used() {
    let declared = manifest("")["workspace"]["dependencies"].as_table().unwrap().clone();
    let members = members();
    let used: BTreeSet<&str> = members.iter().flat_map(|(_, manifest)| all_dependencies(manifest)).collect();
    let ours: BTreeSet<&str> = members.iter().map(|(_, manifest)| name(manifest)).collect();
    let idle = declared.keys().filter(|name| !used.contains(name.as_str()) && !ours.contains(name.as_str()));
    check_none(&idle.cloned().collect::<Vec<_>>(), "declared in the root and used nowhere");
}

/// If one crate enabled AWS's default features, all crates would have them, and every cold start would be slower.
#[test]
fn what_costs_cold_starts_is_without_its_default_features() {
    let declared = manifest("")["workspace"]["dependencies"].as_table().unwrap().clone();
    let costly =
        |name: &str| ["aws-", "lambda_", "reqwest", "rustls", "axum"].iter().any(|begin| name.starts_with(begin));
    let with_defaults = |how: &Value| how.get("default-features").and_then(Value::as_bool) != Some(false);
    let wrong = declared.iter().filter(|(name, how)| costly(name) && with_defaults(how));
    check_none(
        &wrong.map(|(name, _)| name.clone()).collect::<Vec<_>>(),
        "the root Cargo.toml: AWS without default features",
    );
}

/// A client key can have texts signed with an old partner account's key, and could measure the time.
#[test]
fn signatures_by_rsa_are_blinded() {
    let declared = &manifest("")["workspace"]["dependencies"]["rsa"]["features"];
    // Without this feature, rsa signs without blinding, and gives no warning.
    assert!(declared.as_array().unwrap().iter().any(|feature| feature.as_str() == Some("getrandom")), "{declared}");
}

#[test]
fn no_test_is_left_out() {
    let left_out = format!("#[{}", "ignore");
    let has = |path: &&String| read(&root().join(path)).contains(&left_out);
    check_none(&sources(&SOURCES).iter().filter(has).cloned().collect::<Vec<_>>(), "no ignored tests");
    // A file that is not declared as a module is never compiled.
    let main = read(&root().join("tests/specs/main.rs"));
    let declared = |file: &str| main.contains(&format!("mod {};", file.trim_end_matches(".rs")));
    let orphans = file_names("tests/specs").into_iter().filter(|file| file != "main.rs" && !declared(file));
    check_none(&orphans.collect::<Vec<_>>(), "not a module of tests/specs/main.rs");
}

#[test]
fn no_test_sleeps() {
    let sleeps = ["sleep", "Instant"].map(|word| format!("{word}{}", if word == "sleep" { "(" } else { "::now" }));
    let has = |path: &&String| sleeps.iter().any(|word| read(&root().join(path)).contains(word));
    check_none(
        &sources(&["tests/specs"]).iter().filter(has).cloned().collect::<Vec<_>>(),
        "CONTRIBUTING.md 49: no sleep",
    );
}
