//! `cargo run`: the whole stack on this machine.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use local::{Options, Stack, StackClock, StartError};

/// After many requests at once, this allocator gives memory back. The system's keeps it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// MaxPay on this machine: the gateway, its storage and queue, and simulated providers.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen on 127.0.0.1
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Where state is kept over restarts
    #[arg(long, default_value = ".maxpay")]
    data_dir: PathBuf,
    /// Under which address others reach this stack, if not under its own
    #[arg(long, value_parser = parse_public_url)]
    public_url: Option<String>,
    /// A range (CIDR) that webhooks may reach beside public addresses and this machine; may be given several times
    #[arg(long, value_name = "CIDR")]
    allow_targets: Vec<String>,
}

fn parse_public_url(text: &str) -> Result<String, String> {
    let is_web = text.starts_with("http://") || text.starts_with("https://");
    if is_web {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err("must begin with http:// or https://".to_owned())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match Box::pin(run(arguments)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nmaxpay: {}", runtime::error_chain(&error));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), StartError> {
    let data_dir = arguments.data_dir.clone();
    let options = Options {
        port: arguments.port,
        data_dir: Some(arguments.data_dir),
        public_url: arguments.public_url,
        dynamo_endpoint: None,
        storage_faults: None,
        clock: StackClock::running(),
        allow_targets: arguments.allow_targets.join(","),
        doubled_messages: false,
        items: None,
        patience: 1,
    };
    eprint!("starting");
    let mut stack = Stack::start(options, |part| eprint!(" {part}...")).await?;
    eprintln!();
    runtime::log_for_people();
    say(&welcome(&stack, &data_dir.display().to_string()));
    tokio::select! {
        broken = stack.broken() => broken,
        interrupted = tokio::signal::ctrl_c() => {
            if let Err(source) = interrupted {
                return Err(StartError::Part { part: "ctrl-c", source: source.into() });
            }
            stack.stop().await;
            say("\nstopped; the state is kept for the next start");
            Ok(())
        }
    }
}

#[expect(clippy::print_stdout, reason = "this is a program for people, and this is what it says")]
fn say(text: &str) {
    println!("{text}");
}

fn welcome(stack: &Stack, data_dir: &str) -> String {
    let keys = stack.keys();
    let url = &keys.url;
    let (user, password) = (&keys.console_user, &keys.console_password);
    let password = if keys.console_password_changed { "the password that they chose" } else { password };
    let mut text = format!(
        "MaxPay is ready at {url}\n\n  console         {url}/console\n  sign in as      {user} / {password}\n  operator token  {}\n",
        keys.operator_token
    );
    for app in &keys.apps {
        let (id, name) = (&app.app_id, &app.name);
        let (client, master) = (&app.test.client_key, &app.test.master_key);
        text += &format!(
            "  app \"{name}\"      {id}\n  test keys       client {client}\n                  master {master}\n\
             \nCharge, then open the \"ali_web\" address of the answer in a browser and pay:\n\n\
             curl -s {url}/2.0/maxpay/bill -H 'X-ML-AppId: {id}' -H 'X-ML-APIKey: {client}' \\\n  \
               -H 'Content-Type: application/json' \\\n  \
               -d '{{\"channel\":\"ali_web\",\"billNum\":\"first-1\",\"totalFee\":1,\"subject\":\"A cup of tea\",\"returnUrl\":\"{url}/_local/returned\"}}'\n\
             \nThen ask for the bill:\n\n\
             curl -s {url}/2.0/maxpay/records -H 'X-ML-AppId: {id}' -H 'X-ML-MasterKey: {master}' \\\n  \
               -H 'Content-Type: application/json' -d '{{\"billNum\":\"first-1\"}}'\n"
        );
    }
    text + &format!("\nAll keys are in {data_dir}/local.json. Ctrl-C stops.\n")
}
