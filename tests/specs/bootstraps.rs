//! Runs every file of `events/` again with the built functions: each release `bootstrap` under a Runtime API, with its environment
//! pointing to its own stack.
//!
//! This needs the built functions, which takes minutes: `tests/bootstraps/run` builds and measures them, and then runs this with
//! `MAXPAY_BOOTSTRAPS` set to their folder. `MAXPAY_EMULATOR` is the command that runs functions for another kind of machine.

use std::{collections::BTreeMap, fs, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use local::{Options, Sandbox, StackClock};
use serde_json::Value;
use tokio::process::Command;

use crate::{
    events::{EVENTS, OTHER_EVENTS, charge_bills, filled_in, placeholders},
    world::{World, charge_of, options, test_channel, without},
};

fn folder() -> Option<PathBuf> {
    std::env::var_os("MAXPAY_BOOTSTRAPS").filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// A deployed function calls providers by https only, so the simulator cannot answer it. These events call one: the expected code
/// and word.
#[rustfmt::skip]
const CUT_OFF: [(&str, i64, &str); 4] = [
    ("admin-close",       7, "the provider did not answer"),
    ("admin-refund",      0, "\"status\":\"pending\""),
    ("charge-ali_qrcode", 7, "the provider did not answer"),
    ("query-sync",        7, "the provider did not answer"),
];

struct Bootstraps<'a> {
    world: &'a World,
    folder: PathBuf,
    running: BTreeMap<String, Sandbox>,
}

impl Bootstraps<'_> {
    async fn invoke(&mut self, function: &str, event: &str) -> String {
        if !self.running.contains_key(function) {
            let mut command = emulated(self.folder.join(function).join("bootstrap"));
            let log = fs::File::create(self.log(function)).unwrap();
            command.env_clear().envs(self.world.stack.environment());
            command.stdout(log.try_clone().unwrap()).stderr(log);
            self.running.insert(function.to_owned(), Sandbox::start(command).await.unwrap());
        }
        self.running.get_mut(function).unwrap().invoke(event).await.unwrap()
    }

    fn log(&self, function: &str) -> PathBuf {
        self.folder.join(format!("{function}.log"))
    }

    /// A function prints one JSON object a line, without any secret.
    fn check_logs(&self, secrets: &[String]) {
        for function in self.running.keys() {
            let log = fs::read_to_string(self.log(function)).unwrap();
            for line in log.lines() {
                let json: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{function}: {line}"));
                assert!(json["_aws"].is_object() || json["span"]["requestId"].is_string(), "{function}: {line}");
                assert!(secrets.iter().all(|secret| !line.contains(secret)), "{function} logged a secret");
            }
        }
    }
}

fn emulated(bootstrap: PathBuf) -> Command {
    let emulator = std::env::var_os("MAXPAY_EMULATOR").unwrap_or_default();
    let mut words = emulator.to_str().unwrap().split_whitespace();
    let Some(program) = words.next() else { return Command::new(bootstrap) };
    let mut command = Command::new(program);
    command.args(words).arg(bootstrap);
    command
}

/// The answer of a function behind API Gateway: status, code, and the body as the caller gets it.
fn read_reply(reply: &str) -> (u64, i64, String) {
    let reply: Value = serde_json::from_str(reply).unwrap();
    let body = reply["body"].as_str().unwrap_or_default().to_owned();
    let body = match reply["isBase64Encoded"].as_bool() {
        Some(true) => String::from_utf8(STANDARD.decode(body).unwrap()).unwrap(),
        Some(false) | None => body,
    };
    let code = serde_json::from_str::<Value>(&body).ok().and_then(|json| json["code"].as_i64()).unwrap_or(-1);
    (reply["statusCode"].as_u64().unwrap(), code, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_built_function_answers_its_events() {
    let Some(folder) = folder() else {
        eprintln!("SKIPPED: MAXPAY_BOOTSTRAPS is not set; tests/bootstraps/run builds the functions and runs this");
        return;
    };
    let world = World::start_with(Options { clock: StackClock::running(), ..options() }).await;
    // The simulator's merchant, with the provider's real address: only phones reach the simulator.
    let settings = without(world.merchant("openapi").await, "gateway");
    world.admin("PUT", &test_channel(&world.app), settings).await.done(200);
    let placeholders = placeholders(&world).await;
    charge_bills(&world).await;
    // The try stays, because the provider did not answer.
    world.charge(&charge_of("ali_qrcode", "event-open")).await.refused(7, "the provider did not answer");

    let mut bootstraps = Bootstraps { world: &world, folder, running: BTreeMap::new() };
    for (name, status, code, word) in EVENTS {
        let reply = bootstraps.invoke(function_of(name), &filled_in(name, &placeholders)).await;
        let (found_status, found_code, body) = read_reply(&reply);
        let cut_off = CUT_OFF.iter().find(|(cut_off, ..)| cut_off == name);
        let (code, word) = cut_off.map_or((code, word), |(_, code, word)| (code, word));
        assert_eq!((found_status, found_code), (u64::from(*status), *code), "{name}: {body}");
        assert!(body.contains(word), "{name}: {body}");
    }
    for (name, expect) in OTHER_EVENTS {
        let reply = bootstraps.invoke(function_of(name), &filled_in(name, &placeholders)).await;
        assert_eq!(reply, *expect, "{name}");
    }
    assert_eq!(world.record("event-notified").await["status"], "success");
    bootstraps.check_logs(&[world.operator_token.clone(), world.app.test.master_key.clone()]);
    eprintln!("{} events, {} functions", EVENTS.len() + OTHER_EVENTS.len(), bootstraps.running.len());
    drop(bootstraps);
    world.end().await;
}

/// `provider-notify-paid` belongs to the function with the longest matching name at its beginning.
fn function_of(name: &str) -> &'static str {
    let functions = local::Function::ALL.into_iter().map(local::Function::name);
    functions.filter(|function| name.starts_with(function)).max_by_key(|function| function.len()).unwrap()
}
