//! How long each binary takes from the start of its process to its first event, and how long its first call takes.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use flate2::{Compression, write::DeflateEncoder};
use local::{Function, Sandbox};
use tokio::process::Command;

use crate::{
    AnyError, Plan, events,
    shop::{Kept, Shop, charge_of},
    table::{median, print, ratio, time},
};

/// The binaries that are started: the lower bound, every function that does work, and another language.
fn binaries() -> impl Iterator<Item = &'static str> {
    let functions = Function::ALL.into_iter().filter(|function| *function != Function::Unrouted);
    ["bare"].into_iter().chain(functions.map(Function::name)).chain([NODE])
}

/// The same charge in JavaScript. It is measured if `tests/bench/peers/run` has fetched its packages.
const NODE: &str = "node";

/// The number of calls after the first.
const WARM: usize = 20;

#[derive(Default)]
struct Taken {
    init: Vec<Duration>,
    init_cpu: Vec<Duration>,
    first: Vec<Duration>,
    warm: Vec<Duration>,
    memory_kib: Vec<u64>,
}

pub(crate) async fn run(plan: &Plan) -> Result<(), AnyError> {
    let shop = Shop::open(Kept::InMemory, true).await?;
    let rounds = if plan.short { 5 } else { 15 };
    let notifies = shop.notifies_of(crate::shop::PAID_THROUGH[0], rounds * (WARM + 1)).await?;
    let mut notifies = notifies.iter().map(|notify| notify.event());
    shop.configure_for_real().await?;
    let present: Vec<&str> = binaries().filter(|name| file(plan, name).exists()).collect();
    let mut taken: Vec<Taken> = present.iter().map(|_| Taken::default()).collect();
    // The starts come first, without calls. After a call the stack still has work, and Node's end takes time; both would slow down the next
    // start.
    for is_node in [false, true] {
        for _ in 0..rounds {
            for (name, taken) in present.iter().zip(&mut taken).filter(|(name, _)| (**name == NODE) == is_node) {
                let sandbox = start(plan, &shop, name).await?;
                taken.init.push(sandbox.init_time());
                taken.init_cpu.push(sandbox.cpu_time()?);
            }
        }
    }
    for round in 0..rounds {
        for (name, taken) in present.iter().zip(&mut taken) {
            let mut sandbox = start(plan, &shop, name).await?;
            let mut warm = Vec::new();
            for call in 0..=WARM {
                let Some(event) = event(&shop, name, round * (WARM + 1) + call, &mut notifies) else { break };
                let begun = Instant::now();
                let answer = sandbox.invoke(&event).await?;
                let took = begun.elapsed();
                if !events::is_good(&answer) {
                    return Err(format!("{name} answered {answer}").into());
                }
                if call == 0 { taken.first.push(took) } else { warm.push(took) }
            }
            taken.warm.push(median(&warm));
            taken.memory_kib.push(sandbox.memory()?.peak_kib);
        }
    }
    let floor = taken.first().map(|bare| (median(&bare.init), median(&bare.init_cpu))).unwrap_or_default();
    let rows = present.iter().zip(&taken).map(|(name, taken)| row(plan, name, taken, floor));
    print(
        &format!("Start, median of {rounds}"),
        &[
            "binary",
            "init",
            "to bare",
            "CPU of init",
            "to bare",
            "peak memory",
            "first call",
            "warm call",
            "first to warm",
            "package",
        ],
        &rows.collect::<Result<Vec<_>, _>>()?,
    );
    shop.stack.stop().await;
    Ok(())
}

/// Starts a binary as it is deployed, with the tables and the queue of the shop's stack.
pub(crate) async fn start(plan: &Plan, shop: &Shop, name: &str) -> Result<Sandbox, AnyError> {
    let file = file(plan, name);
    let mut command = if name == NODE { Command::new("/usr/bin/env") } else { Command::new(&file) };
    command.env_clear().envs(shop.stack.environment()).stdout(Stdio::null());
    if name == NODE {
        let key = shop.settings("ali").await?["privateKey"].as_str().ok_or("no private key")?.to_owned();
        let key_file = file.with_file_name("bench.key");
        fs::write(&key_file, key)?;
        command.arg("node").arg(&file).env("PATH", "/usr/local/bin:/usr/bin:/bin").env("BENCH_PRIVATE_KEY", key_file);
    }
    Ok(Sandbox::start(command).await?)
}

/// The file of the binary.
fn file(plan: &Plan, name: &str) -> PathBuf {
    if name == NODE { plan.binaries.join("../peers/charge.mjs") } else { plan.binaries.join(name) }
}

fn event(shop: &Shop, name: &str, number: usize, notifies: &mut impl Iterator<Item = String>) -> Option<String> {
    let charge = |channel: &str| charge_of(channel, &format!("start-{number}")).to_string();
    match name {
        "bare" => Some(events::request("GET", "/", &[], b"")),
        "charge" | NODE => {
            Some(events::request("POST", "/2.0/maxpay/bill", &shop.client(), charge("ali_app").as_bytes()))
        }
        "query" => Some(events::request("POST", "/2.0/maxpay/records", &shop.master(), br#"{"billNum":"ali-0"}"#)),
        "provider-notify" => notifies.next(),
        "deliver" => Some(events::batch(&[])),
        _ => None,
    }
}

fn row(plan: &Plan, name: &str, taken: &Taken, floor: (Duration, Duration)) -> Result<Vec<String>, AnyError> {
    let (init, cpu) = (median(&taken.init), median(&taken.init_cpu));
    let (first, warm) = (median(&taken.first), median(&taken.warm));
    let (plain, packed) = package(&file(plan, name))?;
    let calls = if taken.first.is_empty() {
        ["", "", ""].map(str::to_owned)
    } else {
        [time(first), time(warm), ratio(first, warm)]
    };
    let head = [name.to_owned(), time(init), ratio(init, floor.0), time(cpu), ratio(cpu, floor.1)];
    let memory = format!("{} MiB", median(&taken.memory_kib).div_ceil(1024));
    let size = format!("{}.{} MB of {}.{}", packed / 10, packed % 10, plain / 10, plain % 10);
    Ok(head.into_iter().chain([memory]).chain(calls).chain([size]).collect())
}

/// The sizes of a binary and of its package, in tenths of a megabyte.
fn package(binary: &Path) -> Result<(usize, usize), AnyError> {
    let plain = fs::read(binary)?;
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&plain)?;
    Ok((plain.len() / 100_000, encoder.finish()?.len() / 100_000))
}
