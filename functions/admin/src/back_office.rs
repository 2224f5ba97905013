//! The merchant's back office: `POST /2.0/maxpay/refund`, `/refunds`, `/close` and `/events`. The caller presents the app's master key. Answers have
//! the form of the wire contract.

mod events;

use domain::{
    Bill, BillNum, BillPayments, Channel, CloseRequest, Mode, Record, RefundRequest, RefundsRequest, Status,
    Transaction, is_current,
};
use futures_util::future::{join, join_all};
use runtime::{
    ApiError, BillError, Caller, CredentialsError, Reply, Request, Role, authenticate, error_chain, failure, json_body,
    not_found, success,
};
use serde::Serialize;
use settlement::{ASKING_BOUNDS, Closed, RefundAsked};
use store::StoreError;
use tracing::warn;

use crate::{deps::Deps, shown_refund::ShownRefund};

/// Answers one call.
pub(crate) async fn handle(deps: &Deps, operation: &str, request: &Request) -> Reply {
    let answered = match operation {
        "refund" => refund(deps, request).await,
        "refunds" => refunds(deps, request).await,
        "close" => close(deps, request).await,
        "events" => events::fetch(deps, request).await,
        "events/ack" => events::acknowledge(deps, request).await,
        _ => return not_found(),
    };
    answered.unwrap_or_else(|error| failure(&error))
}

async fn refund(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let caller = master(deps, request).await?;
    let asked = RefundRequest::parse(json_body(request)?)?;
    let asked =
        RefundAsked { mode: caller.mode, request: &asked, allowance: None, proposed: None, bounds: ASKING_BOUNDS };
    let refund = Box::pin(settlement::refund(&deps.settlement(), &caller.configured, asked)).await?;
    Ok(success(&ShownRefund(&refund)))
}

async fn refunds(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let caller = master(deps, request).await?;
    let (app, mode): (_, Mode) = (&caller.app().id, caller.mode);
    let store = &deps.services.store;
    let found = match RefundsRequest::parse(json_body(request)?)? {
        RefundsRequest::OfBill(bill, None) => {
            let found = store.load_whole_bill(app, mode, &bill).await?;
            if found.bill.tries.is_empty() {
                return Err(BillError::Unknown { bill: bill.to_string() }.into());
            }
            let mut refunds = found.refunds;
            refunds.sort_by_key(|refund| (refund.requested_at, refund.num.clone()));
            refunds
        }
        RefundsRequest::OfBill(bill, Some(num)) => {
            let found = store.find_refund(app, mode, &bill, &num).await?;
            vec![found.ok_or_else(|| BillError::NoRefund { num: num.to_string() })?]
        }
        RefundsRequest::Numbered(num) => {
            let found = store.find_refund_by_num(app, mode, &num).await?;
            vec![found.ok_or_else(|| BillError::NoRefund { num: num.to_string() })?]
        }
    };
    Ok(success(&Results { results: found.iter().map(ShownRefund).collect() }))
}

/// Closes an unpaid bill on one channel, or on all.
async fn close(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let caller = master(deps, request).await?;
    let asked = CloseRequest::parse(json_body(request)?)?;
    let Some(channel) = asked.channel else { return close_all(deps, &caller, &asked.bill).await };
    if tries_on(load(deps, &caller, &asked.bill).await?, channel).is_empty() {
        return Err(BillError::UnknownOn { bill: asked.bill.to_string(), channel }.into());
    }
    let bill = close_checkout(deps, &caller, &asked.bill).await?;
    let BillPayments { counted, uncounted } = bill.payments();
    let paid = counted.into_iter().find(|paid| paid.key.channel == channel).map(BillError::paid_by);
    let uncounted: Vec<_> = uncounted.into_iter().cloned().collect();
    let mut tries = tries_on(bill, channel);
    tries.retain(|tried| !uncounted.contains(tried));
    let Some(last) = tries.pop() else {
        let paid = uncounted.iter().find(|paid| paid.key.channel == channel).map(BillError::not_counted);
        return Err(paid.map_or_else(|| StoreError::Stale { what: asked.bill.to_string() }.into(), ApiError::from));
    };
    // UnionPay's next order does not replace the one before, which can still be paid.
    let earlier = tries.into_iter().filter(is_current).map(|tried| close_try(deps, &caller, tried));
    let (closed, earlier) = join(close_try(deps, &caller, last), join_all(earlier)).await;
    // What could not be closed besides is in the log: the bill is paid, whatever becomes of it.
    if let Some(paid) = paid {
        return Err(paid.into());
    }
    earlier.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(success(&closed?))
}

/// Closes the checkout of a bill and all its open orders. If one of them cannot be closed, the others are closed all the same.
async fn close_all(deps: &Deps, caller: &Caller, num: &BillNum) -> Result<Reply, ApiError> {
    let bill = close_checkout(deps, caller, num).await?;
    if bill.tries.is_empty() && bill.checkout.is_none() {
        return Err(BillError::Unknown { bill: num.to_string() }.into());
    }
    let paid = bill.payments().counted.into_iter().take(1);
    // A replaced order is closed by the sweep.
    let open = bill.tries.iter().filter(|tried| is_current(tried));
    let closed = join_all(paid.chain(open).map(|tried| close_try(deps, caller, tried.clone()))).await;
    Ok(success(&Results { results: closed.into_iter().collect::<Result<Vec<_>, _>>()? }))
}

/// Closes the checkout before the orders are read: a choice on the page that comes later gives up its own order.
async fn close_checkout(deps: &Deps, caller: &Caller, num: &BillNum) -> Result<Bill, StoreError> {
    deps.services.store.close_checkout(&caller.app().id, caller.mode, num, deps.services.clock.now()).await?;
    load(deps, caller, num).await
}

async fn load(deps: &Deps, caller: &Caller, num: &BillNum) -> Result<Bill, StoreError> {
    deps.services.store.load_bill(&caller.app().id, caller.mode, num).await
}

/// The tries on a channel, the last one at the end.
fn tries_on(bill: Bill, channel: Channel) -> Vec<Transaction> {
    let mut tries = bill.tries;
    tries.retain(|tried| tried.key.channel == channel);
    tries.sort_by_key(|tried| tried.key.try_number);
    tries
}

/// Closes one try. What is closed already is shown as it is.
async fn close_try(deps: &Deps, caller: &Caller, tried: Transaction) -> Result<Record, ApiError> {
    let id = tried.id.clone();
    let closed = match tried.status {
        Status::Closed => return Ok(Record::from(tried)),
        Status::Success | Status::Refund => Closed::Paid(Box::new(tried)),
        Status::Created => settlement::close(&deps.settlement(), &caller.configured, &tried, ASKING_BOUNDS)
            .await
            .inspect_err(|error| warn!(tx.id = %id, "not closed: {}", error_chain(error)))?,
    };
    match closed {
        Closed::Closed(closed, _) => Ok(Record::from(*closed)),
        Closed::Paid(paid) => {
            // The server has named another price, and takes code 5 for the payment of the bill.
            let bill = load(deps, caller, &paid.key.bill).await?;
            let counts = bill.payments().counted.iter().any(|counted| counted.id == paid.id);
            Err(if counts { BillError::paid_by(&paid) } else { BillError::not_counted(&paid) }.into())
        }
        Closed::Refused { code, words } => {
            warn!(tx.id = %id, provider.code = code, "not closed: {words}");
            Err(ApiError::NotClosed { code, words })
        }
    }
}

/// The caller, if it presents the app's master key. Nobody else may use the back office.
async fn master(deps: &Deps, request: &Request) -> Result<Caller, ApiError> {
    let caller = authenticate(request.headers(), &deps.services.apps, deps.services.clock.now()).await?;
    if caller.role == Role::Master { Ok(caller) } else { Err(CredentialsError::MasterNeeded.into()) }
}

#[derive(Serialize)]
struct Results<T> {
    results: Vec<T>,
}
