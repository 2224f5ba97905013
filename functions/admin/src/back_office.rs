//! The merchant's back office: `POST /2.0/maxpay/refund`, `/refunds` and `/close`. The caller presents the app's master key. Answers have
//! the form of the wire contract.

use domain::{CloseRequest, Mode, RefundRequest, RefundsRequest, Status};
use runtime::{
    ApiError, BillError, Caller, CredentialsError, Reply, Request, Role, authenticate, failure, json_body, not_found,
    success,
};
use serde::Serialize;
use settlement::{ASKING_BOUNDS, Closed, RefundAsked};

use crate::{deps::Deps, shown_refund::ShownRefund};

/// Answers one call.
pub(crate) async fn handle(deps: &Deps, operation: &str, request: &Request) -> Reply {
    let answered = match operation {
        "refund" => refund(deps, request).await,
        "refunds" => refunds(deps, request).await,
        "close" => close(deps, request).await,
        _ => return not_found(),
    };
    answered.unwrap_or_else(|error| failure(&error))
}

async fn refund(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let caller = master(deps, request).await?;
    let asked = RefundRequest::parse(json_body(request)?)?;
    let asked = RefundAsked { mode: caller.mode, request: &asked, bounds: ASKING_BOUNDS };
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
    Ok(success(&Refunds { results: found.iter().map(ShownRefund).collect() }))
}

async fn close(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let caller = master(deps, request).await?;
    let asked = CloseRequest::parse(json_body(request)?)?;
    let (app, mode) = (&caller.app().id, caller.mode);
    let found = deps.services.store.load_bill(app, mode, &asked.bill).await?;
    let bill = || asked.bill.to_string();
    let on_channel = found.tries.into_iter().filter(|tried| tried.key.channel == asked.channel);
    let last = on_channel.max_by_key(|tried| tried.key.try_number);
    let last = last.ok_or_else(|| BillError::UnknownOn { bill: bill(), channel: asked.channel })?;
    let closed = match last.status {
        Status::Closed => return Ok(success(&domain::Record::from(last))),
        Status::Success | Status::Refund => Closed::Paid(Box::new(last)),
        Status::Created => settlement::close(&deps.settlement(), &caller.configured, &last, ASKING_BOUNDS).await?,
    };
    match closed {
        Closed::Closed(closed, _) => Ok(success(&domain::Record::from(*closed))),
        Closed::Paid(paid) => {
            let (paid_on, transaction) = (paid.key.channel, paid.id.to_string());
            Err(BillError::Paid { bill: bill(), paid_on, transaction }.into())
        }
        Closed::Refused { code, words } => Err(ApiError::NotClosed { code, words }),
    }
}

/// The caller, if it presents the app's master key. Nobody else may use the back office.
async fn master(deps: &Deps, request: &Request) -> Result<Caller, ApiError> {
    let caller = authenticate(request.headers(), &deps.services.apps, deps.services.clock.now()).await?;
    if caller.role == Role::Master { Ok(caller) } else { Err(CredentialsError::MasterNeeded.into()) }
}

#[derive(Serialize)]
struct Refunds<'a> {
    results: Vec<ShownRefund<'a>>,
}
