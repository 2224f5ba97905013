//! `POST /2.0/maxpay/bill`: starts a payment, or hands out fresh parameters for one that was started.
//! `POST /2.0/maxpay/sessions`: hands out a session token.
//!
//! The reservation comes before the call to the provider: if we die between the two, a pending record is left, which
//! the same charge made again takes up. An unclear answer of the provider's leaves the bill pending, never failed.

use std::time::Duration;

use domain::{
    ChargeForm, ChargeRequest, Reservation, SessionClaims, SessionRequest, SessionToken, Status, Timestamp,
    Transaction, TransactionId, TransactionKey, TryNumber, reserve,
};
use http::Method;
use outbound::{Bounds, Outbound};
use providers::{Account, Charge, Order, PaymentParameters};
use runtime::{
    ApiError, Base, BillError, Caller, CredentialsError, Reply, Request, Role, authenticate, failure, json_body,
    not_found, success,
};
use serde::Serialize;
use store::{Reserved, StoreError};
use tracing::info;

/// What this function answers, as `template.yaml` routes it.
pub const ROUTES: [(Method, &str); 2] = [(Method::POST, "/2.0/maxpay/bill"), (Method::POST, "/2.0/maxpay/sessions")];

/// A provider that takes longer leaves the bill pending; the function itself has 15 seconds.
const PROVIDER_BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(10), body_bytes_max: 256 * 1024 };

/// WeChat's bound of `notify_url`; Alipay and UnionPay take one character more. The longest bill number, 32 emoji, takes 226 of
/// them, which leaves 29 for scheme and host; 32 Chinese characters leave 72.
const NOTIFY_URL_CHARS_MAX: usize = 255;

/// How often a lost reservation is decided anew. The second time sees the winner; more would need a bill that is
/// closed and charged again in between.
const RESERVE_TRIES_MAX: u32 = 3;

/// What a charge needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Configuration, store, apps and clock.
    pub base: Base,
    /// The way to the providers.
    pub outbound: Outbound,
}

/// Answers one request.
pub async fn handle(deps: &Deps, request: Request) -> Reply {
    let answer = match request.uri().path() {
        "/2.0/maxpay/bill" => charge(deps, &request).await,
        "/2.0/maxpay/sessions" => open_session(deps, &request).await,
        _ => return not_found(),
    };
    answer.unwrap_or_else(|error| failure(&error))
}

async fn charge(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let now = deps.base.clock.now();
    let caller = authenticate(request.headers(), &deps.base.apps, now).await?;
    let form = ChargeForm::parse(json_body(request)?)?;
    let channel = form.channel()?;
    let mode = caller.mode;
    let account = caller.configured.account(channel, mode).ok_or(ApiError::NotConfigured { channel, mode })?;
    let charge = form.read(channel)?;
    let account = account?;

    let (transaction, built) = reserve_try(deps, &caller, &charge, &account, now).await?;
    let parameters = match built {
        Charge::Ready(parameters) => parameters,
        Charge::Call(call) => account.read_charge(channel, &deps.outbound.send(call, PROVIDER_BOUNDS).await?)?,
    };
    info!(
        app.id = %caller.app().id, bill.num = %charge.bill, tx.id = %transaction.id, %channel,
        "charged bill {} on {channel}", charge.bill
    );
    Ok(success(&Charged { id: transaction.id.as_str(), parameters: &parameters }))
}

#[derive(Serialize)]
struct Charged<'a> {
    id: &'a str,
    #[serde(flatten)]
    parameters: &'a PaymentParameters,
}

/// Finds the try that this charge continues, or reserves a new one, and builds what is to be said to the provider.
/// It is built first, so that a charge which cannot be built leaves nothing behind.
async fn reserve_try(
    deps: &Deps,
    caller: &Caller,
    charge: &ChargeRequest,
    account: &Account,
    now: Timestamp,
) -> Result<(Transaction, Charge), ApiError> {
    let store = &deps.base.store;
    let mut tries = store.load_bill(&caller.app().id, caller.mode, &charge.bill).await?;
    for _ in 0..RESERVE_TRIES_MAX {
        let bill = || charge.bill.to_string();
        let next = match reserve(charge, &tries, now) {
            Reservation::Same(open) => {
                let built = build(deps, charge, account, open, now)?;
                return Ok((open.clone(), built));
            }
            Reservation::Next(next) => next,
            Reservation::Paid(paid) => {
                let (paid_on, transaction) = (paid.key.channel, paid.id.to_string());
                return Err(BillError::Paid { bill: bill(), paid_on, transaction }.into());
            }
            Reservation::OtherFee(open) => {
                let (expected, found) = (open.fee.get(), charge.fee.get());
                return Err(BillError::OtherFee { bill: bill(), expected, found }.into());
            }
            Reservation::OtherSubject(_) => return Err(BillError::OtherSubject { bill: bill() }.into()),
            Reservation::Exhausted => return Err(BillError::Exhausted { bill: bill() }.into()),
        };
        let transaction = new_transaction(deps, caller, charge, next, now)?;
        let built = build(deps, charge, account, &transaction, now)?;
        match store.reserve(&transaction).await? {
            Reserved::New => return Ok((transaction, built)),
            Reserved::Taken(theirs) => tries.push(*theirs),
        }
    }
    Err(StoreError::Contended { what: format!("bill {}", charge.bill), tries: RESERVE_TRIES_MAX }.into())
}

fn new_transaction(
    deps: &Deps,
    caller: &Caller,
    charge: &ChargeRequest,
    try_number: TryNumber,
    now: Timestamp,
) -> Result<Transaction, ApiError> {
    let (app, mode) = (caller.app().id.clone(), caller.mode);
    let (bill, channel) = (charge.bill.clone(), charge.channel);
    Ok(Transaction {
        key: TransactionKey { app, mode, bill, channel, try_number },
        id: TransactionId::generate(now, deps.base.random.bytes()?),
        fee: charge.fee,
        subject: charge.subject.clone(),
        extras: charge.extras.clone(),
        created_at: now,
        expires_at: now.plus(charge.timeout),
        status: Status::Created,
        ended_at: None,
        trade_no: None,
        refunded: None,
    })
}

fn build(
    deps: &Deps,
    charge: &ChargeRequest,
    account: &Account,
    transaction: &Transaction,
    now: Timestamp,
) -> Result<Charge, ApiError> {
    let notify_url = format!("{}{}", deps.base.config.public_url, transaction.key.notify_path());
    if notify_url.len() > NOTIFY_URL_CHARS_MAX {
        return Err(BillError::NumberTooLong { chars: notify_url.len(), max: NOTIFY_URL_CHARS_MAX }.into());
    }
    let order = Order {
        id: &transaction.id,
        channel: charge.channel,
        fee: transaction.fee,
        subject: &transaction.subject,
        notify_url: &notify_url,
        return_url: charge.return_url.as_ref(),
        show_url: charge.show_url.as_ref(),
        qr_pay_mode: charge.qr_pay_mode,
        expires_at: transaction.expires_at,
    };
    Ok(account.charge(&order, now)?)
}

async fn open_session(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let now = deps.base.clock.now();
    let caller = authenticate(request.headers(), &deps.base.apps, now).await?;
    if caller.role != Role::Master {
        return Err(CredentialsError::MasterNeeded.into());
    }
    let session = SessionRequest::parse(json_body(request)?)?;
    let expires_at = now.plus(session.ttl);
    let claims = SessionClaims { app: caller.app().id.clone(), mode: caller.mode, expires_at, user: session.user };
    let token = SessionToken::issue(&claims, &caller.app().keys(caller.mode).master.current);
    Ok(success(&Session { token: token.as_str(), expires_at: expires_at.ms() }))
}

#[derive(Serialize)]
struct Session<'a> {
    token: &'a str,
    #[serde(rename = "expiresAt")]
    expires_at: i64,
}
