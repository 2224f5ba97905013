//! The try of a charge: one that is open is taken up, or a new one is reserved.
//!
//! `domain::reserve` decides from all tries of the bill. The decision may be outdated when it is written, because another caller charged the
//! same bill. The write is conditional, so it fails then, and the charge is decided again.

use domain::{
    Author, Bill, Charging, NextTry, PayerDigest, RefundSums, Reservation, Status, Transaction, TransactionId,
    TransactionKey, TryNumber, WebUrl, outpriced, replace, reserve,
};
use providers::{Charge, NOTIFY_URL_BYTES_MAX, Order, PaymentParameters, ProviderError};
use runtime::{ApiError, BillError};
use store::{Reserved, StoreError};

use crate::{ChargeContext, Deps};

/// How often a reservation is decided again. A caller that wins costs the others two rounds: one for the mark on the replaced try, one for
/// the new try. A client replaces or cancels ten orders of a bill an hour at one provider; beyond that the charge is refused.
const RESERVE_ROUNDS_MAX: u32 = 24;

/// A try, and the call to the provider.
pub(crate) struct Try {
    pub(crate) transaction: Transaction,
    pub(crate) built: Charge,
    pub(crate) origin: Origin,
}

/// Who reserved a try.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This charge.
    Reserved,
    /// An earlier charge.
    Continued,
}

/// The bill as it is now.
pub(crate) async fn load_bill(deps: &Deps, context: &ChargeContext<'_>) -> Result<Bill, StoreError> {
    deps.services.store.load_bill(&context.configured.app.id, context.mode, &context.charge.bill).await
}

/// Finds the try that this charge continues, or reserves a new one. The call to the provider is built before anything is written, so that a
/// charge that cannot be built leaves nothing behind.
pub(crate) async fn find_try(deps: &Deps, context: &ChargeContext<'_>, mut bill: Bill) -> Result<Try, ApiError> {
    let charge = context.charge;
    for _ in 0..RESERVE_ROUNDS_MAX {
        match reserve(charge, &bill, &context.charging) {
            Reservation::Same(open) => return continue_try(deps, context, &bill, open).await,
            Reservation::Next(next) => match reserve_try(deps, context, &bill, next).await? {
                ReserveResult::Reserved(reserved) => return Ok(*reserved),
                ReserveResult::TakenBy(theirs) => bill.tries.push(*theirs),
                ReserveResult::Outdated => bill = load_bill(deps, context).await?,
            },
            Reservation::Paid(_) if has_to_confirm(deps, context, &bill).await? => {
                bill = load_bill(deps, context).await?
            }
            refused @ (Reservation::Paid(_)
            | Reservation::OtherFee(_)
            | Reservation::OtherSubject
            | Reservation::OfferChanged
            | Reservation::NotOpened
            | Reservation::ReplacedTooOften
            | Reservation::Exhausted) => {
                let stale = || StoreError::Stale { what: charge.bill.to_string() };
                return Err(refusal(&refused, context).map_or_else(|| stale().into(), ApiError::from));
            }
        }
    }
    Err(StoreError::Contended { what: format!("bill {}", charge.bill), tries: RESERVE_ROUNDS_MAX }.into())
}

/// Whether the refusal of the server's charge judged a payment first.
async fn has_to_confirm(deps: &Deps, context: &ChargeContext<'_>, bill: &Bill) -> Result<bool, StoreError> {
    let Charging { author, now, .. } = context.charging;
    deps.services.store.confirm_paid(bill, author, context.charge.fee, now).await
}

async fn continue_try(
    deps: &Deps,
    context: &ChargeContext<'_>,
    bill: &Bill,
    open: &Transaction,
) -> Result<Try, ApiError> {
    let built = match &open.token {
        Some(token) => Charge::Ready(PaymentParameters::of_token(token.clone())),
        None => build(deps, context, open)?,
    };
    set_price(deps, context, bill).await?;
    Ok(Try { transaction: open.clone(), built, origin: Origin::Continued })
}

/// What came of a reservation.
enum ReserveResult {
    Reserved(Box<Try>),
    /// Another caller reserved this try first.
    TakenBy(Box<Transaction>),
    /// The try that was to be replaced has changed.
    Outdated,
}

async fn reserve_try(
    deps: &Deps,
    context: &ChargeContext<'_>,
    bill: &Bill,
    NextTry { number, replaces }: NextTry<'_>,
) -> Result<ReserveResult, ApiError> {
    let store = &deps.services.store;
    let transaction = new_transaction(deps, context, number)?;
    let built = build(deps, context, &transaction)?;
    if let Some(open) = replaces
        && !store.supersede(open, context.moment.now).await?
    {
        return Ok(ReserveResult::Outdated);
    }
    match store.reserve(&transaction).await? {
        Reserved::New if is_offer_changed(deps, context).await? => {
            store.supersede(&transaction, context.moment.now).await?;
            Err(BillError::OfferChanged { bill: context.charge.bill.to_string() }.into())
        }
        Reserved::New => {
            // A client's order may have been paid since the bill was read, by a settlement that did not see this price. The fresh bill has
            // our try, whose price judges. Without an order of a client there is nothing to judge.
            let is_server = context.charging.author == Author::Server;
            let reads_again = is_server && bill.tries.iter().any(|tried| tried.author == Author::Client);
            let fresh = if reads_again { Some(load_bill(deps, context).await?) } else { None };
            let bill = fresh.as_ref().unwrap_or(bill);
            set_price(deps, context, bill).await?;
            // It was paid meanwhile, at this price. The payer gets no second order.
            if let Some(paid) = bill.paid_for(context.charging.author, context.charge.fee) {
                store.supersede(&transaction, context.moment.now).await?;
                return Err(BillError::paid_by(paid).into());
            }
            Ok(ReserveResult::Reserved(Box::new(Try { transaction, built, origin: Origin::Reserved })))
        }
        Reserved::Taken(theirs) => Ok(ReserveResult::TakenBy(theirs)),
    }
}

/// Whether the checkout is no longer as the visitor saw it. The server may have changed it after the bill was read, and then it saw nothing
/// of the new try, which nobody would give up.
async fn is_offer_changed(deps: &Deps, context: &ChargeContext<'_>) -> Result<bool, StoreError> {
    let Some(revision) = context.charging.offer else { return Ok(false) };
    Ok(!load_bill(deps, context).await?.offers(revision, context.charging.now))
}

/// Replaces a try whose order the provider no longer accepts, as far as the charge may replace tries.
pub(crate) async fn replace_try(deps: &Deps, context: &ChargeContext<'_>, bound: &Transaction) -> Result<(), ApiError> {
    let bill = load_bill(deps, context).await?;
    if let refused @ (Reservation::ReplacedTooOften | Reservation::Exhausted) = replace(bound, &bill, &context.charging)
    {
        return Err(refusal(&refused, context).map_or(ProviderError::AlreadyOrdered.into(), ApiError::from));
    }
    // If it was paid, closed or replaced meanwhile, the next decision sees that.
    deps.services.store.supersede(bound, context.charging.now).await?;
    Ok(())
}

/// The server's charge sets the price. What clients and visitors opened at another price is closed. What clients paid before is judged by it, and
/// the sweep reports what they paid at another price. This comes after the reservation, so that the sweep sees the price.
async fn set_price(deps: &Deps, context: &ChargeContext<'_>, bill: &Bill) -> Result<(), StoreError> {
    if context.charging.author != Author::Server {
        return Ok(());
    }
    let (store, now) = (&deps.services.store, context.charging.now);
    let is_replaced = |open: &Transaction| open.key.channel == context.charge.channel;
    for open in outpriced(context.charge, &bill.tries).filter(|open| !is_replaced(open)) {
        // If it was paid meanwhile, its settlement has seen the price, or the sweep's look for other payments will see it.
        store.supersede(open, now).await?;
    }
    store.judge_payments(bill, now).await?;
    Ok(())
}

/// Why a charge may neither continue a try nor begin one; `None` if it may.
fn refusal(reservation: &Reservation<'_>, context: &ChargeContext<'_>) -> Option<BillError> {
    let charge = context.charge;
    let bill = charge.bill.to_string();
    match reservation {
        Reservation::Same(_) | Reservation::Next(_) => None,
        Reservation::Paid(paid) => Some(BillError::paid_by(paid)),
        Reservation::OtherFee(bound) => {
            let (expected, found) = (bound.get(), charge.fee.get());
            Some(BillError::OtherFee { bill, expected, found })
        }
        Reservation::OtherSubject => Some(BillError::OtherSubject { bill }),
        Reservation::OfferChanged => Some(BillError::OfferChanged { bill }),
        Reservation::NotOpened => Some(BillError::NotOpened { bill }),
        Reservation::ReplacedTooOften => Some(BillError::ReplacedTooOften { bill }),
        Reservation::Exhausted => Some(BillError::Exhausted { bill, max: TryNumber::max_for(context.charging.author) }),
    }
}

fn new_transaction(deps: &Deps, context: &ChargeContext<'_>, try_number: TryNumber) -> Result<Transaction, ApiError> {
    let ChargeContext { configured, mode, charge, charging: Charging { author, account, now, .. }, .. } = *context;
    // Only on these channels the provider learns who the payer is, and binds the order to this payer.
    let openid = charge.openid.as_deref().filter(|_| charge.channel.needs_openid());
    let app = configured.app.id.clone();
    let (bill, channel) = (charge.bill.clone(), charge.channel);
    let id = TransactionId::generate(now, deps.services.random.bytes()?);
    Ok(Transaction {
        key: TransactionKey { app, mode, bill, channel, try_number },
        shard: configured.app.shards.of_new(charge.channel, &id, now),
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
        judgement: None,
        trade_no: None,
        refunded: None,
        refunds: RefundSums::default(),
    })
}

fn build(deps: &Deps, context: &ChargeContext<'_>, transaction: &Transaction) -> Result<Charge, ApiError> {
    let charge = context.charge;
    let notify_url = format!("{}{}", deps.services.config.public_url, transaction.key.notify_path());
    // The path takes 56 characters and four for every three bytes of the bill number: 64 letters and digits leave 113 for scheme and
    // host, 32 Chinese characters 71, and 64 of them are refused by name.
    if notify_url.len() > NOTIFY_URL_BYTES_MAX {
        return Err(BillError::NumberTooLong { chars: notify_url.len(), max: NOTIFY_URL_BYTES_MAX }.into());
    }
    let through_us = if charge.channel.returns_by_way_of_us() {
        let url = format!("{}{}", deps.services.config.public_url, transaction.key.return_path());
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
        client_ip: charge.client_ip.or(context.caller_ip),
        created_at: transaction.created_at,
        expires_at: transaction.expires_at,
    };
    Ok(context.account.charge(&order, &context.moment)?)
}
