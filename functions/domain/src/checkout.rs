//! A checkout: what a hosted page offers for one bill, and where it stands. The page's address is a token (`checkout_token.rs`).

use crate::{
    AppId, Author, BillNum, BillPayments, Channel, Extras, Fen, Mode, Status, Subject, Timestamp, Transaction, WebUrl,
    closed_list, latest_of_server, price::is_current,
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
    /// Who made it. Its tries are this author's.
    pub author: Author,
    /// When this content was named last.
    pub named_at: Timestamp,
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
    /// The merchant closed the bill after this content was named, or charged it at another price.
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
    /// Where it stands, by all tries of its bill. A payment counts after the end, too.
    pub fn state<'a>(&self, tries: &'a [Transaction], now: Timestamp) -> CheckoutState<'a> {
        let payments = BillPayments::of(tries).counted;
        if let Some(paid) = payments.iter().copied().find(|payment| self.is_paid_by(payment)) {
            return CheckoutState::Paid(paid);
        }
        // The server opened an order at another price, and it was paid.
        if payments.iter().any(|payment| payment.author == Author::Server) {
            return CheckoutState::Closed;
        }
        if self.expires_at <= now {
            return CheckoutState::Expired;
        }
        let is_outdated =
            latest_of_server(tries).is_some_and(|latest| latest.created_at > self.named_at && latest.fee != self.fee);
        if is_outdated || self.is_closed(tries) { CheckoutState::Closed } else { CheckoutState::Open }
    }

    /// Whether a payment pays this checkout. If the server made the checkout, only its own price does: a client may have opened an order at
    /// a price of its own before, and a payer may have kept an order from before a new price.
    pub fn is_paid_by(&self, payment: &Transaction) -> bool {
        self.author == Author::Client || payment.fee == self.fee
    }

    /// The merchant closes a bill by its tries: one was closed since this content was named, and none is open.
    fn is_closed(&self, tries: &[Transaction]) -> bool {
        let was_closed = |tried: &Transaction| {
            tried.status == Status::Closed
                && tried.superseded_at.is_none()
                && tried.fee == self.fee
                && tried.ended_at.is_some_and(|ended_at| ended_at >= self.named_at)
        };
        tries.iter().any(was_closed) && !tries.iter().any(is_current)
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
        let unnamed =
            |checkout: &Self| Self { named_at: self.named_at, expires_at: self.expires_at, ..checkout.clone() };
        unnamed(self) == unnamed(other)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::transaction::tests::{fen, sample};

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
            assert_eq!(made.state(tries, at).name(), expect, "{tries:?}");
        };
        check(&[], later, "open");
        check(&[], made.expires_at, "expired");
        check(&[server(Status::Created, |_| {})], later, "open");
        check(&[server(Status::Success, |_| {})], later, "paid");
        check(&[server(Status::Success, |_| {})], made.expires_at, "paid");
        check(&[server(Status::Refund, |_| {})], later, "paid");
        check(&[server(Status::Closed, |_| {})], later, "closed");
        // A payment at another price is not that of this checkout.
        check(&[server(Status::Success, |tried| tried.fee = fen(1))], later, "closed");
        let cheap = Transaction { fee: fen(1), ..sample(Status::Success) };
        check(&[Transaction { author: Author::Client, ..cheap.clone() }], later, "open");
        let tries = [Transaction { author: Author::Client, ..cheap }];
        let of_client = Checkout { author: Author::Client, ..made.clone() };
        assert_eq!(of_client.state(&tries, later).name(), "paid");
        // What was closed before this content was named, or because another try replaced it, says nothing.
        check(
            &[server(Status::Closed, |tried| tried.ended_at = Some(made.named_at.minus(Duration::from_secs(1))))],
            later,
            "open",
        );
        check(&[server(Status::Closed, |tried| tried.superseded_at = Some(later))], later, "open");
        let other = |tried: &mut Transaction| tried.key.channel = Channel::AliApp;
        check(&[server(Status::Closed, |_| {}), server(Status::Created, other)], later, "open");
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
