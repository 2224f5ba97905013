//! The commands and their options. Their Chinese is in `chinese.rs`, whose test asks for each text.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, builder::PossibleValuesParser, builder::TypedValueParser};
use clap_complete::Shell;
use domain::{Channel, DeliveryState, Event, Family, Mode, Status};

use crate::words::Language;

/// Take, watch and refund payments through a MaxPay gateway
#[derive(Debug, Parser)]
#[command(name = "maxpay", version, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// The profile to use; without it, MAXPAY_PROFILE or `default`
    #[arg(long, global = true, display_order = 900, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Print JSON: one document, or one a line for streams
    #[arg(long, global = true, display_order = 900)]
    pub(crate) json: bool,
    /// The language of texts, if not the locale's
    #[arg(long, global = true, display_order = 900, value_name = "LANGUAGE")]
    pub(crate) lang: Option<Language>,
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Save the address of a gateway and its keys as a profile
    ///
    /// Secrets are asked for on the terminal without echo. If stdin is no terminal, lines such as MAXPAY_MASTER_KEY=... are read from it. What the
    /// environment has is not asked for.
    Login(Login),
    /// Delete a profile with its keys
    Logout,
    /// List the profiles, without their keys
    Profiles,
    /// Charge a bill on one channel
    Charge(Charge),
    /// Query records of payments
    Records(Records),
    /// Send money back
    Refund(Refund),
    /// Close an unpaid bill
    Close(Bill),
    /// Ask the provider about a bill now
    Sync(Bill),
    /// Make a checkout, a page by which a bill is paid with any wallet
    Checkout(Checkout),
    /// Forward events to a server on this machine, and acknowledge those that it answers with 200
    Listen(Listen),
    /// Make an event happen on a local stack, by a payment that its simulators play
    Trigger(Trigger),
    /// List, make and test webhooks, and renew their secrets
    #[command(subcommand)]
    Webhooks(Webhooks),
    /// List deliveries of events, and send them again
    #[command(subcommand)]
    Deliveries(Deliveries),
    /// Show new payments and their changes as they come
    Tail(Tail),
    /// Check the settings, the keys, the channels and the gateway, and say what to do
    Doctor,
    /// Start the whole gateway on this machine
    Local(Local),
    /// Print the completions of a shell
    Completions(Completions),
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The address of the gateway
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// The id of the app
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,
    /// Take everything from the data folder of a local stack
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["url", "app_id"])]
    pub(crate) local: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Charge {
    /// The number of the bill
    pub(crate) bill_num: String,
    /// The channel
    #[arg(long, value_parser = PossibleValuesParser::new(Channel::ALL.map(Channel::name)))]
    pub(crate) channel: String,
    /// The amount in fen
    #[arg(long, value_name = "FEN")]
    pub(crate) total_fee: i64,
    /// What is bought
    #[arg(long)]
    pub(crate) subject: String,
    /// Where the browser goes afterwards; ali_web, ali_qrcode and unipay_web need it
    #[arg(long, value_name = "URL")]
    pub(crate) return_url: Option<String>,
    /// The page of the goods
    #[arg(long, value_name = "URL")]
    pub(crate) show_url: Option<String>,
    /// After how many seconds the bill expires
    #[arg(long, value_name = "SECONDS")]
    pub(crate) bill_timeout: Option<i64>,
    /// How Alipay's page shows its QR code
    #[arg(long, value_name = "0-4")]
    pub(crate) qr_pay_mode: Option<String>,
    /// The payer within WeChat; wx_jsapi and wx_lite need it
    #[arg(long)]
    pub(crate) openid: Option<String>,
    /// The payer's own address; wx_h5 needs it
    #[arg(long, value_name = "IP")]
    pub(crate) client_ip: Option<String>,
    /// A JSON object that comes back in records and events
    #[arg(long, value_name = "JSON")]
    pub(crate) extras: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Records {
    /// The number of the bill; needed without a master key
    pub(crate) bill_num: Option<String>,
    /// Only this channel or family
    #[arg(long, value_parser = channel_filters())]
    pub(crate) channel: Option<String>,
    /// Only this status
    #[arg(long, value_parser = PossibleValuesParser::new(Status::ALL.map(Status::name)))]
    pub(crate) status: Option<String>,
    /// Created at or after this time, in ms since 1970
    #[arg(long, value_name = "MS")]
    pub(crate) start_time: Option<i64>,
    /// Created at or before this time, in ms since 1970
    #[arg(long, value_name = "MS")]
    pub(crate) end_time: Option<i64>,
    /// How many to leave out
    #[arg(long)]
    pub(crate) skip: Option<i64>,
    /// How many to show, at most 100
    #[arg(long)]
    pub(crate) limit: Option<i64>,
}

#[derive(Debug, Args)]
pub(crate) struct Refund {
    /// The number of the bill
    pub(crate) bill_num: String,
    /// The amount in fen
    #[arg(long, value_name = "FEN")]
    pub(crate) refund_fee: i64,
    /// Your number of the refund: the same number moves money once
    #[arg(long, value_name = "NUM")]
    pub(crate) refund_num: String,
    /// The channel, if the bill was paid on several
    #[arg(long, value_parser = PossibleValuesParser::new(Channel::ALL.map(Channel::name)))]
    pub(crate) channel: Option<String>,
    /// The transaction, if one channel was paid several times
    #[arg(long)]
    pub(crate) id: Option<String>,
    /// Why, for the payer
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Bill {
    /// The number of the bill
    pub(crate) bill_num: String,
    /// Only this channel
    #[arg(long, value_parser = channel_filters())]
    pub(crate) channel: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Checkout {
    /// The number of the bill
    pub(crate) bill_num: String,
    /// The amount in fen
    #[arg(long, value_name = "FEN")]
    pub(crate) total_fee: i64,
    /// What is bought
    #[arg(long)]
    pub(crate) subject: String,
    /// Where the payer goes afterwards
    #[arg(long, value_name = "URL")]
    pub(crate) return_url: String,
    /// Where a payer goes who leaves without paying
    #[arg(long, value_name = "URL")]
    pub(crate) cancel_url: Option<String>,
    /// Only these channels, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(Channel::ALL.map(Channel::name)))]
    pub(crate) channels: Vec<String>,
    /// After how many seconds the page ends
    #[arg(long, value_name = "SECONDS")]
    pub(crate) expires_in: Option<i64>,
    /// The language of the page
    #[arg(long, value_parser = ["zh-CN", "en"])]
    pub(crate) locale: Option<String>,
    /// A JSON object that comes back in records and events
    #[arg(long, value_name = "JSON")]
    pub(crate) extras: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// The address of your server, as localhost:3000/hooks; a port alone is one of this machine
    #[arg(long, value_name = "URL")]
    pub(crate) forward_to: String,
    /// Only these events, separated by commas; without it, all events of the webhook
    #[arg(long, value_delimiter = ',', value_parser = events())]
    pub(crate) events: Vec<Event>,
    /// The pull webhook, if the app has several in this mode
    #[arg(long, value_name = "ID")]
    pub(crate) webhook: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Trigger {
    /// The event
    #[arg(value_parser = events())]
    pub(crate) event: Event,
    /// The number of the bill; without it, a new one. payment.success pays the bill if it is open
    #[arg(long, value_name = "NUM")]
    pub(crate) bill_num: Option<String>,
    /// The amount in fen
    #[arg(long, value_name = "FEN", default_value_t = 100)]
    pub(crate) total_fee: i64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Webhooks {
    /// List the webhooks of the app
    List,
    /// Make a webhook; its secret is shown once
    Add(NewWebhook),
    /// Send a made-up event to a webhook
    Test(TestedWebhook),
    /// Make a new secret of a webhook and show it once; the old one signs for a while, too
    Secret(RotatedSecret),
}

#[derive(Debug, Args)]
#[group(id = "target", required = true, multiple = false)]
pub(crate) struct Target {
    /// The address that events are sent to
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// The name or the ARN of a Lambda of yours
    #[arg(long, value_name = "NAME")]
    pub(crate) function: Option<String>,
    /// Events wait until they are fetched, as `listen` does
    #[arg(long)]
    pub(crate) pull: bool,
}

#[derive(Debug, Args)]
pub(crate) struct NewWebhook {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The mode; without it, that of the master key
    #[arg(long, value_parser = modes())]
    pub(crate) mode: Option<Mode>,
    /// The events, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = events(), default_value = "payment.success")]
    pub(crate) events: Vec<Event>,
}

#[derive(Debug, Args)]
pub(crate) struct TestedWebhook {
    /// The webhook
    pub(crate) id: String,
    /// The event
    #[arg(long, value_parser = events(), default_value = "payment.success")]
    pub(crate) event: Event,
}

#[derive(Debug, Args)]
pub(crate) struct RotatedSecret {
    /// The webhook
    pub(crate) id: String,
    /// How many seconds the old secret signs, too
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    pub(crate) grace_seconds: i64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Deliveries {
    /// List deliveries, newest first
    List(ListedDeliveries),
    /// Send one delivery again at once
    Resend(ResentDelivery),
}

#[derive(Debug, Args)]
pub(crate) struct ListedDeliveries {
    /// Only this state
    #[arg(long, value_parser = PossibleValuesParser::new(DeliveryState::ALL.map(DeliveryState::name)))]
    pub(crate) state: Option<String>,
    /// Only this webhook
    #[arg(long, value_name = "ID")]
    pub(crate) webhook: Option<String>,
    /// Where the page before ended
    #[arg(long)]
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ResentDelivery {
    /// The delivery
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// Only this channel or family
    #[arg(long, value_parser = channel_filters())]
    pub(crate) channel: Option<String>,
    /// How many seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) interval: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Local {
    /// The program of the local stack; without it, maxpay-local beside this one or in PATH
    #[arg(long, value_name = "FILE")]
    pub(crate) binary: Option<PathBuf>,
    /// Arguments for it, after --
    #[arg(last = true, value_name = "ARGUMENTS")]
    pub(crate) arguments: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: Shell,
}

fn channel_filters() -> PossibleValuesParser {
    let families = Family::ALL.map(Family::name);
    PossibleValuesParser::new(Channel::ALL.map(Channel::name).into_iter().chain(families))
}

fn events() -> impl TypedValueParser<Value = Event> {
    PossibleValuesParser::new(Event::ALL.map(Event::name)).try_map(|name| Event::find(&name).ok_or("no event"))
}

fn modes() -> impl TypedValueParser<Value = Mode> {
    PossibleValuesParser::new(Mode::ALL.map(Mode::name)).try_map(|name| Mode::find(&name).ok_or("no mode"))
}
