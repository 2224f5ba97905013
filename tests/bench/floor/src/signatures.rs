//! Times the providers' code, and the RSA operations of ring that it needs, in one process.
//!
//! The first argument is a file of inputs that the benchmark took from the simulators: settings, orders, answers and notifies with genuine
//! signatures. The program prints one JSON object: a name and nanoseconds for each task. The value is the median of rounds in which every
//! task runs in turn.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::{collections::BTreeMap, fs, hint::black_box, process::ExitCode, time::Instant};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use domain::{Channel, Fen, PayerAddress, Subject, Tab, Timestamp, TransactionId, WebUrl};
use http::{Request, Response};
use providers::{Account, Charge, GatewayPolicy, Moment, Nonce, Order};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey},
};
use serde::Deserialize;
use serde_json::{Map, Value};

type AnyError = Box<dyn std::error::Error>;

/// Enough rounds for a stable median; they take seconds.
const ROUNDS: usize = 400;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inputs {
    /// PKCS#8 in base64: the key with which the lower bound is measured.
    private_key: String,
    charges: Vec<ChargeInput>,
    notifies: Vec<NotifyInput>,
}

/// A charge, and the provider's answer to it if the product has one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChargeInput {
    channel: String,
    settings: Map<String, Value>,
    id: String,
    now_ms: i64,
    answer: Option<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NotifyInput {
    tab: String,
    settings: Map<String, Value>,
    now_ms: i64,
    path: String,
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    headers: Vec<(String, String)>,
    body: String,
}

fn main() -> ExitCode {
    match measure() {
        Ok(found) => {
            println!("{}", serde_json::json!(found));
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A task to be timed.
type Task = (String, Box<dyn Fn() -> bool>);

fn measure() -> Result<BTreeMap<String, u64>, AnyError> {
    let file = std::env::args().nth(1).ok_or("the file of inputs is missing")?;
    let inputs: Inputs = serde_json::from_slice(&fs::read(file)?)?;
    let mut tasks = floor(&inputs.private_key)?;
    for input in inputs.charges {
        tasks.extend(charge_tasks(input)?);
    }
    for input in inputs.notifies {
        tasks.push(notify_task(input)?);
    }
    let mut taken: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        for (name, task) in &tasks {
            let begun = Instant::now();
            let done = black_box(task());
            let nanos = u64::try_from(begun.elapsed().as_nanos())?;
            if !done {
                return Err(format!("{name} failed").into());
            }
            taken.entry(name.clone()).or_default().push(nanos);
        }
    }
    Ok(taken.into_iter().map(|(name, times)| (name, median(times))).collect())
}

fn median(mut times: Vec<u64>) -> u64 {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn floor(private_key: &str) -> Result<Vec<Task>, AnyError> {
    let der = STANDARD.decode(private_key)?;
    let key = RsaKeyPair::from_pkcs8(&der).map_err(|error| error.to_string())?;
    let public = key.public().as_ref().to_vec();
    let sign = move |message: &[u8]| -> Option<Vec<u8>> {
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).ok()?;
        Some(signature)
    };
    let message = vec![b'x'; 600];
    let signature = sign(&message).ok_or("ring does not sign")?;
    let verified = message.clone();
    let verify =
        move || UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public).verify(&verified, &signature).is_ok();
    Ok(vec![
        ("ring: sign".to_owned(), Box::new(move || sign(&message).is_some())),
        ("ring: verify".to_owned(), Box::new(verify)),
    ])
}

fn open(tab: Tab, settings: &Map<String, Value>) -> Result<Account, AnyError> {
    Ok(Account::open(tab, settings, GatewayPolicy::AllowHttp)?)
}

fn moment(now: Timestamp) -> Moment {
    Moment { now, nonce: Nonce::from_random([7; 16]) }
}

fn charge_tasks(input: ChargeInput) -> Result<Vec<Task>, AnyError> {
    let channel = Channel::find(&input.channel).ok_or("no such channel")?;
    let account = open(channel.tab(), &input.settings)?;
    let now = Timestamp::from_ms(input.now_ms)?;
    let id = TransactionId::parse(&input.id)?;
    let subject = Subject::parse("A cup of tea").ok_or("no subject")?;
    let back = WebUrl::parse("https://shop.example/back");
    let fee = Fen::new(9900)?;
    let settings = input.settings;
    let tab = channel.tab();
    let mut tasks: Vec<Task> = vec![(
        format!("open {channel}"),
        Box::new(move || Account::open(tab, &settings, GatewayPolicy::AllowHttp).is_ok()),
    )];
    let charge = move |account: &Account| {
        let order = Order {
            id: &id,
            channel,
            fee,
            subject: &subject,
            notify_url: "https://pay.example/notify/568a12086e912100017722e5/live/ali_app/01/MTEyMjMz",
            return_url: back.as_ref(),
            show_url: None,
            qr_pay_mode: None,
            openid: Some("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"),
            client_ip: PayerAddress::parse("203.0.113.7"),
            created_at: now,
            expires_at: now.plus(std::time::Duration::from_secs(7200)),
        };
        account.charge(&order, &moment(now)).ok()
    };
    match input.answer {
        None => tasks
            .push((format!("charge {channel}"), Box::new(move || matches!(charge(&account), Some(Charge::Ready(_)))))),
        Some(answer) => {
            let answer = answer.into_response()?;
            let whole = move || {
                matches!(charge(&account), Some(Charge::Call(_)))
                    && account.read_charge(channel, &answer, &moment(now)).is_ok()
            };
            tasks.push((format!("charge {channel}"), Box::new(whole)));
        }
    }
    Ok(tasks)
}

fn notify_task(input: NotifyInput) -> Result<Task, AnyError> {
    let tab = Tab::find(&input.tab).ok_or("no such tab")?;
    let account = open(tab, &input.settings)?;
    let now = Timestamp::from_ms(input.now_ms)?;
    let notify = input.message.into_request(&input.path)?;
    let channel = tab.channels().next().ok_or("no channel of this tab")?;
    Ok((format!("notify {tab}"), Box::new(move || account.read_notify(channel, &notify, now).is_ok())))
}

impl Message {
    fn into_request(self, path: &str) -> Result<Request<Bytes>, AnyError> {
        let mut request = Request::post(path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        Ok(request.body(Bytes::from(self.body))?)
    }

    fn into_response(self) -> Result<Response<Bytes>, AnyError> {
        let mut response = Response::builder().status(200);
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        Ok(response.body(Bytes::from(self.body))?)
    }
}
