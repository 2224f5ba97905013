//! `POST /2.0/maxpay/bill`: starts a payment, or hands out fresh parameters for one that was started.
//! `POST /2.0/maxpay/sessions`: hands out a session token.
//!
//! The reservation comes before the call to the provider: if we die between the two, a pending record is left, which
//! the same charge made again takes up. An unclear answer of the provider's leaves the bill pending, never failed.

mod client_bound;

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use domain::{
    ApiCode, Author, BillPayments, ChargeForm, ChargeRequest, Charging, NextTry, PayerAddress, PayerDigest, RefundSums,
    Reservation, SessionClaims, SessionRequest, SessionToken, Status, Timestamp, Transaction, TransactionId,
    TransactionKey, TryNumber, WebUrl, next_closed_question, outpriced, replace, reserve, withdraw,
};
use http::Method;
use outbound::{Bounds, Outbound};
use providers::{Account, AnswerRetry, Charge, Moment, NOTIFY_URL_BYTES_MAX, Order, PaymentParameters, ProviderError};
use runtime::{
    AccountKey, ApiError, Base, BillError, Caller, PaymentOutcome, Question, Reply, Request, Retry, Role, authenticate,
    client_ip, failure, json_body, not_found, success,
};
use serde::Serialize;
use store::{Reserved, Settled, StoreError, Told};
use tracing::info;

pub use crate::client_bound::ClientCounts;

/// What this function answers, as `template.yaml` routes it.
pub const ROUTES: [(Method, &str); 2] = [(Method::POST, "/2.0/maxpay/bill"), (Method::POST, "/2.0/maxpay/sessions")];

/// A provider that takes longer leaves the bill pending; the function itself has 15 seconds.
const PROVIDER_BOUNDS: Bounds = Bounds { deadline: Duration::from_secs(10), body_bytes_max: 256 * 1024 };

/// How often a lost reservation is decided anew. A caller that wins costs the others two rounds: one for the mark at the replaced try, one for
/// the new try. Payers of one bill replace one another ten times an hour at the most, and then the answer is that they did.
const RESERVE_TRIES_MAX: u32 = 24;

/// How often a charge begins anew because a provider's answer was lost before.
const BEGIN_TRIES_MAX: u32 = 3;
/// Whoever charges at the same moment keeps what it got within milliseconds; this is a hundred times that.
const TOKEN_LOOKS: u32 = 4;
const TOKEN_PAUSE: Duration = Duration::from_millis(200);

/// What a charge needs.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Configuration, store, apps and clock.
    pub base: Base,
    /// The way to the providers.
    pub outbound: Outbound,
    /// How much the public keys of apps did.
    pub client_counts: ClientCounts,
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
    let apps = &deps.base.apps;
    let configured = &caller.configured;
    let account = configured.current(channel, mode).zip(apps.account(configured, channel, mode));
    let (key, account) = account.ok_or(ApiError::NotConfigured { channel, mode })?;
    let charge = form.read(channel)?;
    deps.client_counts.admit(&deps.base, &caller, now).await?;
    let account = account?;

    let moment = Moment { now, nonce: deps.base.random.nonce()? };
    let charging = Charging {
        author: author_of(&caller),
        channel,
        account: key.number,
        clients_name_prices: caller.app().clients_name_prices,
        now,
    };
    let caller_ip = client_ip(request).and_then(PayerAddress::parse);
    let ordered = Ordered { caller: &caller, charging, charge: &charge, key, account: &account, caller_ip };
    let begun = begin(deps, &ordered, &moment).await;
    match &begun {
        Ok(_) => deps.base.metrics.payment(channel, PaymentOutcome::Charged),
        Err(error) if error.code() == ApiCode::ChannelError => {
            deps.base.metrics.payment(channel, PaymentOutcome::Refused);
        }
        Err(_) => {}
    }
    let (transaction, parameters) = begun?;
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

/// The master key is the server's; everything else is in a client's hands.
fn author_of(caller: &Caller) -> Author {
    match caller.role {
        Role::Master => Author::Server,
        Role::Client => Author::Client,
    }
}

/// Has a try and its payment parameters, whatever was lost on the way before.
async fn begin(
    deps: &Deps,
    ordered: &Ordered<'_>,
    moment: &Moment,
) -> Result<(Transaction, PaymentParameters), ApiError> {
    let mut tries = load_tries(deps, ordered).await?;
    for _ in 0..BEGIN_TRIES_MAX {
        let Try { transaction, built, origin } = find_try(deps, ordered, tries, moment).await?;
        let parameters = match built {
            Charge::Ready(parameters) => return Ok((transaction, parameters)),
            Charge::Call(call) => match ask(deps, ordered, call, moment).await {
                Ok(parameters) => parameters,
                Err(error) => {
                    if let Some(token) = recover(deps, ordered, (&transaction, origin), error, moment.now).await? {
                        return Ok((transaction, PaymentParameters::of_token(token)));
                    }
                    tries = load_tries(deps, ordered).await?;
                    continue;
                }
            },
        };
        match parameters.token() {
            // It came so late that the try was given up meanwhile, and another took its place: a bill has one order to pay.
            Some(token) if !deps.base.store.keep_token(&transaction.key, token).await? => {
                tries = load_tries(deps, ordered).await?;
            }
            Some(_) | None => return Ok((transaction, parameters)),
        }
    }
    Err(ProviderError::AlreadyOrdered.into())
}

/// The token that the provider gave out for the order before, or nothing where the charge is to be decided anew.
///
/// # Errors
/// The error itself: the same charge ends the same way.
async fn recover(
    deps: &Deps,
    ordered: &Ordered<'_>,
    (transaction, origin): (&Transaction, Origin),
    error: ApiError,
    now: Timestamp,
) -> Result<Option<String>, ApiError> {
    match (error.retryable(), origin) {
        (Retry::Answered(AnswerRetry::WithFirstAnswer), _) => find_lost_token(deps, transaction, now).await,
        // The order was made with other parameters, or is over at the provider: nobody gets anything for it any longer.
        (Retry::Answered(AnswerRetry::AsAnotherOrder), Origin::Continued) => {
            make_way(deps, ordered, transaction).await?;
            Ok(None)
        }
        (Retry::Answered(AnswerRetry::AsAnotherOrder), Origin::Reserved)
        | (Retry::Answered(AnswerRetry::No | AnswerRetry::Later | AnswerRetry::WithCertificate), _)
        | (Retry::No | Retry::Storage | Retry::Unanswered, _) => Err(error),
    }
}

async fn load_tries(deps: &Deps, ordered: &Ordered<'_>) -> Result<Vec<Transaction>, StoreError> {
    let caller = ordered.caller;
    deps.base.store.load_bill(&caller.app().id, caller.mode, &ordered.charge.bill).await
}

/// Replaces a try whose order the provider takes up no more, within the bounds of who charges.
async fn make_way(deps: &Deps, ordered: &Ordered<'_>, bound: &Transaction) -> Result<(), ApiError> {
    let tries = load_tries(deps, ordered).await?;
    if let refused @ (Reservation::ReplacedTooOften | Reservation::Exhausted) =
        replace(bound, &tries, &ordered.charging)
    {
        return Err(refusal(&refused, ordered).map_or(ProviderError::AlreadyOrdered.into(), ApiError::from));
    }
    // Should it be paid, closed or replaced by now, that is seen when the charge is decided anew.
    deps.base.store.supersede(bound, ordered.charging.now).await?;
    Ok(())
}

/// Calls the provider, and reads its answer.
async fn ask(
    deps: &Deps,
    ordered: &Ordered<'_>,
    call: http::Request<Bytes>,
    moment: &Moment,
) -> Result<PaymentParameters, ApiError> {
    let Ordered { caller, charge, key, account, .. } = ordered;
    let question = Question {
        configured: &caller.configured,
        key: *key,
        account,
        outbound: &deps.outbound,
        bounds: PROVIDER_BOUNDS,
        moment,
    };
    let read = |account: &Account, answer: &_| account.read_charge(charge.channel, answer, moment);
    Ok(deps.base.ask(&question, call, read).await?.1)
}

/// The provider has the order and gives its token out once. Either somebody else got it just now and is keeping it, or the answer
/// was lost: then nobody can pay that order, and the try is withdrawn to make room for the next.
async fn find_lost_token(deps: &Deps, open: &Transaction, now: Timestamp) -> Result<Option<String>, ApiError> {
    let key = &open.key;
    for _ in 0..TOKEN_LOOKS {
        if let Some(token) = deps.base.store.find_transaction(key).await?.and_then(|found| found.token) {
            return Ok(Some(token));
        }
        tokio::time::sleep(TOKEN_PAUSE).await;
    }
    // The provider has the order still, and its end was given to it: it is asked about like every bill that is closed here alone.
    let look_at = next_closed_question(now, open.expires_at, now);
    let told = Told { webhooks: &[], now, look_at };
    let given_up = deps.base.store.settle(key, told, |before| Ok::<_, Infallible>(withdraw(before, now))).await?;
    match given_up {
        Settled::Unchanged(transaction) => Ok(transaction.token),
        Settled::Changed(..) | Settled::NotFound | Settled::Refused(..) => Ok(None),
    }
}

/// What is charged, by whom and through whom.
struct Ordered<'a> {
    caller: &'a Caller,
    charging: Charging,
    charge: &'a ChargeRequest,
    key: AccountKey,
    account: &'a Account,
    caller_ip: Option<PayerAddress>,
}

/// A try, and what is to be said to the provider.
struct Try {
    transaction: Transaction,
    built: Charge,
    origin: Origin,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// This charge reserved it.
    Reserved,
    /// An earlier charge did.
    Continued,
}

/// Finds the try that this charge continues, or reserves a new one, and builds what is to be said to the provider.
/// It is built first, so that a charge which cannot be built leaves nothing behind.
async fn find_try(
    deps: &Deps,
    ordered: &Ordered<'_>,
    mut tries: Vec<Transaction>,
    moment: &Moment,
) -> Result<Try, ApiError> {
    let (store, charge) = (&deps.base.store, ordered.charge);
    for _ in 0..RESERVE_TRIES_MAX {
        let next = match reserve(charge, &tries, &ordered.charging) {
            Reservation::Same(open) => {
                let built = match &open.token {
                    Some(token) => Charge::Ready(PaymentParameters::of_token(token.clone())),
                    None => build(deps, ordered, open, moment)?,
                };
                let transaction = open.clone();
                set_price(deps, ordered, &tries, &transaction).await?;
                return Ok(Try { transaction, built, origin: Origin::Continued });
            }
            Reservation::Next(next) => next,
            refused @ (Reservation::Paid(_)
            | Reservation::OtherFee(_)
            | Reservation::OtherSubject(_)
            | Reservation::NotOpened
            | Reservation::ReplacedTooOften
            | Reservation::Exhausted) => {
                let stale = || StoreError::Stale { what: charge.bill.to_string() };
                return Err(refusal(&refused, ordered).map_or_else(|| stale().into(), ApiError::from));
            }
        };
        let NextTry { number, replaces } = next;
        let transaction = new_transaction(deps, ordered, number)?;
        let built = build(deps, ordered, &transaction, moment)?;
        if let Some(open) = replaces
            && !store.supersede(open, moment.now).await?
        {
            tries = load_tries(deps, ordered).await?;
            continue;
        }
        match store.reserve(&transaction).await? {
            Reserved::New => {
                set_price(deps, ordered, &tries, &transaction).await?;
                return Ok(Try { transaction, built, origin: Origin::Reserved });
            }
            Reserved::Taken(theirs) => tries.push(*theirs),
        }
    }
    Err(StoreError::Contended { what: format!("bill {}", charge.bill), tries: RESERVE_TRIES_MAX }.into())
}

/// The server's charge sets the price: what clients opened at another one is closed, and what they paid at another one is looked
/// at by the sweep, which tells the merchant. It comes after the reservation, so that the sweep sees the price.
async fn set_price(
    deps: &Deps,
    ordered: &Ordered<'_>,
    tries: &[Transaction],
    ours: &Transaction,
) -> Result<(), StoreError> {
    if ordered.charging.author != Author::Server {
        return Ok(());
    }
    let (store, now) = (&deps.base.store, ordered.charging.now);
    let is_replaced = |open: &Transaction| open.key.channel == ours.key.channel;
    for open in outpriced(ordered.charge, tries, Author::Server).filter(|open| !is_replaced(open)) {
        // Should it be paid by now, the settlement saw the price or its look for other payments does.
        store.supersede(open, now).await?;
    }
    let with_ours: Vec<Transaction> = tries.iter().chain([ours]).cloned().collect();
    let mispriced = BillPayments::of(&with_ours).mispriced;
    for paid in mispriced.into_iter().filter(|paid| paid.status == Status::Success) {
        store.look_again(paid, now).await?;
    }
    Ok(())
}

/// Why a charge may neither continue a try nor begin one; `None` where it may.
fn refusal(reservation: &Reservation<'_>, ordered: &Ordered<'_>) -> Option<BillError> {
    let charge = ordered.charge;
    let bill = charge.bill.to_string();
    match reservation {
        Reservation::Same(_) | Reservation::Next(_) => None,
        Reservation::Paid(paid) => {
            let (paid_on, transaction) = (paid.key.channel, paid.id.to_string());
            Some(BillError::Paid { bill, paid_on, transaction })
        }
        Reservation::OtherFee(bound) => {
            let (expected, found) = (bound.fee.get(), charge.fee.get());
            Some(BillError::OtherFee { bill, expected, found })
        }
        Reservation::OtherSubject(_) => Some(BillError::OtherSubject { bill }),
        Reservation::NotOpened => Some(BillError::NotOpened { bill }),
        Reservation::ReplacedTooOften => Some(BillError::ReplacedTooOften { bill }),
        Reservation::Exhausted => Some(BillError::Exhausted { bill, max: TryNumber::max_for(ordered.charging.author) }),
    }
}

fn new_transaction(deps: &Deps, ordered: &Ordered<'_>, try_number: TryNumber) -> Result<Transaction, ApiError> {
    let Ordered { caller, charge, charging: Charging { author, account, now, .. }, .. } = *ordered;
    // A provider binds the order to a payer only where the payer is named to it.
    let openid = charge.openid.as_deref().filter(|_| charge.channel.needs_openid());
    let (app, mode) = (caller.app().id.clone(), caller.mode);
    let (bill, channel) = (charge.bill.clone(), charge.channel);
    let id = TransactionId::generate(now, deps.base.random.bytes()?);
    Ok(Transaction {
        key: TransactionKey { app, mode, bill, channel, try_number },
        shard: caller.app().shards.of_new(&id, now),
        id,
        account,
        fee: charge.fee,
        subject: charge.subject.clone(),
        extras: charge.extras.clone(),
        created_at: now,
        expires_at: now.plus(charge.timeout),
        author,
        payer: openid.map(PayerDigest::of_openid),
        superseded_at: None,
        token: None,
        return_url: charge.return_url.clone().filter(|_| charge.channel.returns_by_way_of_us()),
        status: Status::Created,
        ended_at: None,
        trade_no: None,
        refunded: None,
        refunds: RefundSums::default(),
    })
}

fn build(deps: &Deps, ordered: &Ordered<'_>, transaction: &Transaction, moment: &Moment) -> Result<Charge, ApiError> {
    let charge = ordered.charge;
    let notify_url = format!("{}{}", deps.base.config.public_url, transaction.key.notify_path());
    // The path takes 56 characters and four for every three bytes of the bill number: 64 letters and digits leave 113 for scheme and
    // host, 32 Chinese characters 71, and 64 of them are refused by name.
    if notify_url.len() > NOTIFY_URL_BYTES_MAX {
        return Err(BillError::NumberTooLong { chars: notify_url.len(), max: NOTIFY_URL_BYTES_MAX }.into());
    }
    let through_us = if charge.channel.returns_by_way_of_us() {
        let url = format!("{}{}", deps.base.config.public_url, transaction.key.return_path());
        let max = WebUrl::CHARS_MAX;
        Some(WebUrl::parse(&url).ok_or(BillError::NumberTooLong { chars: url.len(), max })?)
    } else {
        None
    };
    let order = Order {
        id: &transaction.id,
        channel: charge.channel,
        fee: transaction.fee,
        subject: &transaction.subject,
        notify_url: &notify_url,
        return_url: through_us.as_ref().or(charge.return_url.as_ref()),
        show_url: charge.show_url.as_ref(),
        qr_pay_mode: charge.qr_pay_mode,
        openid: charge.openid.as_deref(),
        client_ip: charge.client_ip.or(ordered.caller_ip),
        created_at: transaction.created_at,
        expires_at: transaction.expires_at,
    };
    Ok(ordered.account.charge(&order, moment)?)
}

async fn open_session(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let now = deps.base.clock.now();
    let caller = authenticate(request.headers(), &deps.base.apps, now).await?;
    let key = caller.session_key()?;
    let session = SessionRequest::parse(json_body(request)?)?;
    let expires_at = now.plus(session.ttl);
    let claims = SessionClaims { app: caller.app().id.clone(), mode: caller.mode, expires_at, user: session.user };
    let token = SessionToken::issue(&claims, key);
    Ok(success(&Session { token: token.as_str(), expires_at: expires_at.ms() }))
}

#[derive(Serialize)]
struct Session<'a> {
    token: &'a str,
    #[serde(rename = "expiresAt")]
    expires_at: i64,
}
