//! Where a payer goes after a checkout: the merchant's address with a signed result.

use domain::{Checkout, CheckoutResult, CheckoutResultStatus, CheckoutState, Status, Transaction, WebUrl};
use form_urlencoded::Serializer;

use crate::visit::Visit;

/// The address, with the result as it is now. `None` if the checkout is gone.
pub(crate) fn next(visit: &Visit<'_>) -> Option<String> {
    let checkout = visit.checkout.as_ref()?;
    let payment = payment(visit);
    let status = status(visit);
    let url = destination(checkout, status);
    let result = CheckoutResult { key: &checkout.key, status, payment, now: visit.now };
    let master = &visit.configured.app.keys(checkout.key.mode).master.current;
    Some(with_parameters(url, &result.signed(master)))
}

fn payment<'a>(visit: &'a Visit<'_>) -> Option<&'a Transaction> {
    match visit.state() {
        CheckoutState::Paid(paid) => Some(paid),
        CheckoutState::Expired | CheckoutState::Closed | CheckoutState::Open => None,
    }
}

/// An order that was replaced here may still be paid at the provider, so that nothing is certain before it is closed.
fn status(visit: &Visit<'_>) -> CheckoutResultStatus {
    match payment(visit) {
        Some(_) => CheckoutResultStatus::Success,
        None if visit.bill.tries.iter().any(|tried| tried.status == Status::Created) => CheckoutResultStatus::Unknown,
        None => CheckoutResultStatus::Cancel,
    }
}

/// Where the payer goes: a payer who did not pay goes to the merchant's address for that, if there is one.
fn destination(checkout: &Checkout, status: CheckoutResultStatus) -> &WebUrl {
    match status {
        CheckoutResultStatus::Success => &checkout.return_url,
        CheckoutResultStatus::Cancel | CheckoutResultStatus::Unknown => {
            checkout.cancel_url.as_ref().unwrap_or(&checkout.return_url)
        }
    }
}

/// The host to which a payer goes from here, for people.
pub(crate) fn host_of<'a>(visit: &Visit<'_>, checkout: &'a Checkout) -> &'a str {
    let rest = destination(checkout, status(visit)).as_str().split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default()
}

/// The address with more parameters. Those that it has stay, and so does its fragment.
fn with_parameters(url: &WebUrl, parameters: &[(&'static str, String)]) -> String {
    let (address, fragment) = match url.as_str().split_once('#') {
        Some((address, fragment)) => (address, format!("#{fragment}")),
        None => (url.as_str(), String::new()),
    };
    let query = Serializer::new(String::new()).extend_pairs(parameters).finish();
    let joint = match address.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{address}{joint}{query}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn parameters_are_added_to_what_an_address_has() {
        const CASES: &[(&str, &str)] = &[
            ("https://shop.example",            "https://shop.example?a=1&b=x+y"),
            ("https://shop.example/back?",      "https://shop.example/back?a=1&b=x+y"),
            ("https://shop.example/back?c=d",   "https://shop.example/back?c=d&a=1&b=x+y"),
            ("https://shop.example/back?c#top", "https://shop.example/back?c&a=1&b=x+y#top"),
        ];
        for (url, expect) in CASES {
            let parameters = [("a", "1".to_owned()), ("b", "x y".to_owned())];
            assert_eq!(with_parameters(&WebUrl::parse(url).unwrap(), &parameters), *expect);
        }
    }
}
