//! A checkout: what a hosted page offers for one bill, and where it stands. The page's address is a token (`checkout_token.rs`).

use crate::{
    AppId, Author, Bill, BillNum, Channel, Extras, Fen, Mode, Subject, Timestamp, Transaction, WebUrl, closed_list,
    price::is_current,
};

closed_list! {
    /// The language of a checkout's page.
    pub enum CheckoutLocale {
        /// Chinese.
        Zh = "zh-CN",
        /// English.
        En = "en",
    }
}

/// Names the bill of a checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutKey {
    /// Whose bill.
    pub app: AppId,
    /// Real money or not.
    pub mode: Mode,
    /// Which bill.
    pub bill: BillNum,
}

/// What a checkout offers, as the merchant said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// Whose checkout.
    pub key: CheckoutKey,
    /// The amount.
    pub fee: Fen,
    /// What is bought.
    pub subject: Subject,
    /// The merchant's own data, for each try.
    pub extras: Option<Extras>,
    /// Where the payer goes afterwards.
    pub return_url: WebUrl,
    /// Where a payer goes who leaves without paying; without one, to `return_url`.
    pub cancel_url: Option<WebUrl>,
    /// The channels that may be offered. An empty list allows all.
    pub channels: Vec<Channel>,
    /// The language of the page; without one, the browser's.
    pub locale: Option<CheckoutLocale>,
    /// Who made it: the server or a client.
    pub author: Author,
    /// When this content was named last.
    pub named_at: Timestamp,
    /// When the merchant closed it.
    pub closed_at: Option<Timestamp>,
    /// How often it was written. A change is written only over the revision that it was decided on.
    pub revision: i64,
    /// Until when it can be paid, in whole seconds.
    pub expires_at: Timestamp,
}

/// Where a checkout stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckoutState<'a> {
    /// The bill is paid, by this try.
    Paid(&'a Transaction),
    /// Its time is over.
    Expired,
    /// The merchant closed it, or charged the bill at another price.
    Closed,
    /// It can be paid.
    Open,
}

impl CheckoutState<'_> {
    /// Its word on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Paid(_) => "paid",
            Self::Expired => "expired",
            Self::Closed => "closed",
            Self::Open => "open",
        }
    }
}

impl Checkout {
    /// Where it stands, by its bill. A payment counts after the end, too. So does that of an order which the server opened at an older
    /// price: the bill is paid, and the result names the amount.
    pub fn state<'a>(&self, bill: &'a Bill, now: Timestamp) -> CheckoutState<'a> {
        if let Some(paid) = bill.payments().counted.first() {
            return CheckoutState::Paid(paid);
        }
        if self.expires_at <= now {
            return CheckoutState::Expired;
        }
        let is_outdated = bill.server_price().is_some_and(|price| price.fee != self.fee);
        if is_outdated || self.closed_at.is_some() { CheckoutState::Closed } else { CheckoutState::Open }
    }

    /// The open tries with another price or subject than this content. A visitor must not be given their orders.
    pub fn outdated<'a>(&self, tries: &'a [Transaction]) -> impl Iterator<Item = &'a Transaction> {
        let (fee, subject) = (self.fee, self.subject.clone());
        tries.iter().filter(move |tried| is_current(tried) && (tried.fee != fee || tried.subject != subject))
    }

    /// Whether a merchant's list of channels allows this one. An empty list allows all.
    pub fn is_allowed(allowed: &[Channel], channel: Channel) -> bool {
        allowed.is_empty() || allowed.contains(&channel)
    }

    /// Whether `other` offers the same.
    pub fn is_same_offer(&self, other: &Self) -> bool {
        let unnamed = |checkout: &Self| Self {
            named_at: self.named_at,
            expires_at: self.expires_at,
            closed_at: self.closed_at,
            revision: self.revision,
            ..checkout.clone()
        };
        unnamed(self) == unnamed(other)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        Status,
        transaction::tests::{fen, sample},
    };

    pub(crate) fn checkout() -> Checkout {
        let tried = sample(Status::Created);
        Checkout {
            key: CheckoutKey { app: tried.key.app, mode: tried.key.mode, bill: tried.key.bill },
            fee: tried.fee,
            subject: tried.subject,
            extras: None,
            return_url: WebUrl::parse("https://shop.example/back").unwrap(),
            cancel_url: None,
            channels: Vec::new(),
            locale: None,
            author: Author::Server,
            named_at: tried.created_at,
            closed_at: None,
            revision: 1,
            expires_at: tried.created_at.plus(Duration::from_secs(7200)),
        }
    }

    fn server(status: Status, change: impl FnOnce(&mut Transaction)) -> Transaction {
        let mut tried = Transaction { author: Author::Server, ..sample(status) };
        tried.ended_at = (status != Status::Created).then_some(tried.created_at);
        change(&mut tried);
        tried
    }

    #[test]
    fn a_checkout_is_what_the_tries_of_its_bill_make_of_it() {
        let made = checkout();
        let later = made.named_at.plus(Duration::from_secs(1));
        let check = |tries: &[Transaction], at: Timestamp, expect: &str| {
            let bill = Bill { tries: tries.to_vec(), checkout: Some(made.clone()) };
            assert_eq!(made.state(&bill, at).name(), expect, "{tries:?}");
        };
        check(&[], later, "open");
        check(&[], made.expires_at, "expired");
        check(&[server(Status::Created, |_| {})], later, "open");
        check(&[server(Status::Success, |_| {})], later, "paid");
        check(&[server(Status::Success, |_| {})], made.expires_at, "paid");
        check(&[server(Status::Refund, |_| {})], later, "paid");
        // A payer closes an order in the wallet. That closes nothing for the others.
        check(&[server(Status::Closed, |_| {})], later, "open");
        // The payer of an order that the server opened at another price has paid the bill. A client's payment at another price has not.
        check(&[server(Status::Success, |tried| tried.fee = fen(1))], later, "paid");
        let cheap = Transaction { fee: fen(1), ..sample(Status::Success) };
        check(&[Transaction { author: Author::Client, ..cheap.clone() }], later, "open");
        let of_client = Checkout { author: Author::Client, ..made.clone() };
        let tries = vec![Transaction { author: Author::Client, ..cheap }];
        let bill = Bill { tries, checkout: Some(of_client.clone()) };
        assert_eq!(of_client.state(&bill, later).name(), "paid");
        // The merchant closed it, and an order of before is paid all the same.
        let closed = Checkout { closed_at: Some(later), ..made.clone() };
        for (tried, expect) in [(Status::Created, "closed"), (Status::Success, "paid")] {
            let bill = Bill { tries: vec![server(tried, |_| {})], checkout: Some(closed.clone()) };
            assert_eq!(closed.state(&bill, later).name(), expect);
        }
        // The server charged the bill at another price after it made the checkout.
        let dearer = |tried: &mut Transaction| {
            tried.fee = fen(10_000);
            tried.created_at = later;
        };
        check(&[server(Status::Created, dearer)], later, "closed");
        check(&[server(Status::Created, |tried| tried.fee = fen(10_000))], later, "open");
    }

    #[test]
    fn open_tries_with_other_content_are_outdated() {
        let tries = [
            server(Status::Created, |_| {}),
            server(Status::Created, |tried| tried.fee = fen(1)),
            server(Status::Created, |tried| tried.subject = Subject::parse("coffee").unwrap()),
            server(Status::Closed, |tried| tried.fee = fen(1)),
        ];
        let outdated: Vec<_> = checkout().outdated(&tries).map(|tried| tried.fee.get()).collect();
        assert_eq!(outdated, [1, 9900]);
    }
}
