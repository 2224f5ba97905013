//! `maxpay`: takes, watches and refunds payments from the command line. It knows the gateway by its HTTP interfaces alone.

mod arguments;
mod chinese;
mod client;
mod doctor;
mod failure;
mod listen;
mod local;
mod login;
mod outage;
mod output;
mod payments;
mod profiles;
mod qr;
mod signals;
mod system;
mod table;
mod tail;
mod terminal;
mod trigger;
mod usage;
mod webhooks;
mod words;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use client::Gateway;
use doctor::Health;
use failure::Failure;
use login::Chosen;
use output::{Form, Output};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let given = match usage::read(system::arguments()) {
        Ok(given) => given,
        Err(code) => return code,
    };
    let form = if given.arguments.json { Form::Json } else { Form::People };
    let output = Output { form, language: given.language };
    match Box::pin(run(output, &given.arguments)).await {
        Ok(Health::Good) => ExitCode::SUCCESS,
        Ok(Health::Bad) => ExitCode::FAILURE,
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

async fn run(output: Output, given: &Arguments) -> Result<Health, Failure> {
    let profile = Chosen::of(given.profile.as_deref());
    let gateway = || Gateway::new(login::effective(&profile)?, output);
    match &given.command {
        Command::Login(of) => login::login(output, profile.name(), of).await,
        Command::Logout => login::logout(output, profile.name()),
        Command::Profiles => login::profiles(output),
        Command::Charge(of) => payments::charge(&gateway()?, output, of).await,
        Command::Records(of) => payments::records(&gateway()?, output, of).await,
        Command::Refund(of) => payments::refund(&gateway()?, output, of).await,
        Command::Close(of) => payments::close(&gateway()?, output, of).await,
        Command::Sync(of) => payments::sync(&gateway()?, output, of).await,
        Command::Checkout(of) => payments::checkout(&gateway()?, output, of).await,
        Command::Listen(of) => listen::listen(&gateway()?, output, of).await,
        Command::Trigger(of) => trigger::trigger(&gateway()?, output, of).await,
        Command::Webhooks(of) => webhooks::webhooks(&gateway()?, output, of).await,
        Command::Deliveries(of) => webhooks::deliveries(&gateway()?, output, of).await,
        Command::Tail(of) => tail::tail(&gateway()?, output, of).await,
        Command::Doctor => return doctor::doctor(output, login::effective(&profile)).await,
        Command::Local(of) => local::local(output, of),
        Command::Completions(of) => {
            usage::completions(output, of.shell);
            Ok(())
        }
    }
    .map(|()| Health::Good)
}
