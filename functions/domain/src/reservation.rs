//! What a charge may do, given all tries of its bill.

use std::time::Duration;

use crate::{
    AccountNumber, Author, Bill, Channel, ChargeRequest, Fen, Habit, PayerDigest, Timestamp, Transaction, TryNumber,
    price::is_current,
};

/// Who charges, by which rules, and when.
#[derive(Clone, Copy, Debug)]
pub struct Charging {
    /// Who charges, and so whose price it is and what is bounded.
    pub author: Author,
    /// The revision of the checkout that a visitor saw.
    pub offer: Option<i64>,
    /// On which channel.
    pub channel: Channel,
    /// On which of the channel's accounts.
    pub account: AccountNumber,
    /// Whether clients may open bills that the server did not.
    pub clients_name_prices: bool,
    /// The time.
    pub now: Timestamp,
}

/// What a charge may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reservation<'a> {
    /// This is the same charge: answer it with fresh payment parameters.
    Same(&'a Transaction),
    /// Reserve a new try.
    Next(NextTry<'a>),
    /// The bill is paid, by this transaction.
    Paid(&'a Transaction),
    /// This price binds the charge, which has another one.
    OtherFee(Fen),
    /// The bill has another subject, which binds the charge.
    OtherSubject,
    /// The checkout is over, or has other content than the visitor saw.
    OfferChanged,
    /// The app lets clients continue only bills that its server opened, and the server did not open this one.
    NotOpened,
    /// Clients, or visitors, replaced or cancelled tries of this bill at this provider too often within an hour.
    ReplacedTooOften,
    /// There are no more tries on this channel.
    Exhausted,
}

/// A new try, and the open try on its channel that it replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextTry<'a> {
    /// Its number.
    pub number: TryNumber,
    /// The try that is to be closed.
    pub replaces: Option<&'a Transaction>,
}

/// How many tries of one bill at one provider clients may follow by another within [`FOLLOWED_WITHIN`], and visitors as many. Only tries that
/// could still be paid count. Anyone can have the client key, can replace an open try, and can cancel in the wallet. Ten people may share the
/// bill of a table. Each provider has its own count, so that the bound at one provider does not shut the others.
const FOLLOWED_MAX: usize = 10;
const FOLLOWED_WITHIN: Duration = Duration::from_secs(3600);

/// How long a try without a token can be presented again to a provider that knows an order by its time, too.
const PRESENTED_AGAIN: Duration = Duration::from_secs(30);

/// How long it can be presented if the try before it got no token either. The provider does not answer then, and a payer who tries again and
/// again must not use up the numbers. It is less than the time for which UnionPay surely takes an order's time as the current one.
const PRESENTED_LONGER: Duration = Duration::from_secs(150);

/// Decides what `request` may do. A try that is closed, expired or replaced is over. An open try binds the amount and the subject. The
/// provider knows when a try expires, so an expired try need not be closed here yet. If it is still paid, the payment is settled; if the
/// next try is paid, too, a duplicate is found.
///
/// What the server named last, by a charge or by its checkout, binds a client's charge. A client's try never binds the server's charge.
pub fn reserve<'a>(request: &ChargeRequest, bill: &'a Bill, charging: &Charging) -> Reservation<'a> {
    let (tries, of_server) = (&bill.tries, bill.server_price());
    if let Some(paid) = bill.paid_for(charging.author, request.fee) {
        return Reservation::Paid(paid);
    }
    if charging.offer.is_some_and(|revision| !bill.offers(revision, charging.now)) {
        return Reservation::OfferChanged;
    }
    if charging.author == Author::Client {
        match of_server {
            None if !charging.clients_name_prices => return Reservation::NotOpened,
            Some(price) if price.fee != request.fee => return Reservation::OtherFee(price.fee),
            Some(price) if *price.subject != request.subject => return Reservation::OtherSubject,
            Some(_) | None => {}
        }
    }
    let on_channel = tries.iter().filter(|transaction| transaction.key.channel == request.channel);
    let Some(last) = on_channel.max_by_key(|transaction| transaction.key.try_number) else {
        return Reservation::Next(NextTry { number: TryNumber::FIRST, replaces: None });
    };
    if is_over(last, tries, charging.now) {
        return next_try(last, None, bill, charging);
    }
    // A client's try never binds the server or its checkout, even at the same price: its extras and its end are the client's.
    if charging.author != Author::Client && last.author == Author::Client {
        return replace(last, bill, charging);
    }
    // The charge of a client or a visitor has the server's latest price here, so an open try with another price is outdated. A visitor's try
    // does not bind the server.
    let is_free = match charging.author {
        Author::Server => last.author == Author::Visitor,
        Author::Visitor | Author::Client => of_server.is_some(),
    };
    // The time of a try is the time at which its price was named. So a server that comes back to an older price needs a new try.
    let names_again = charging.author == Author::Server && of_server.is_some_and(|price| price.fee != request.fee);
    // Another account of the channel does not know the order.
    let is_fit = !names_again && last.account == charging.account && !is_other_payer(last, request);
    match (last.fee == request.fee, last.subject == request.subject) {
        (true, true) if is_fit => Reservation::Same(last),
        (false, _) if !is_free => Reservation::OtherFee(last.fee),
        (true, false) if !is_free => Reservation::OtherSubject,
        _ => replace(last, bill, charging),
    }
}

/// Replaces an open try whose order cannot be paid as `charging` wants it.
pub fn replace<'a>(open: &'a Transaction, bill: &Bill, charging: &Charging) -> Reservation<'a> {
    next_try(open, Some(open), bill, charging)
}

/// Whether the bound holds for `author` who follows a try. What a client opened takes nothing from the visitors of a checkout. So a stranger
/// who has the client key cannot use up their bound.
fn is_bounded(author: Author, followed: &Transaction) -> bool {
    match author {
        Author::Server => false,
        Author::Visitor => followed.author != Author::Client,
        Author::Client => true,
    }
}

/// Whether a try was opened after the server named its price. A new price ends the tries of the payers, so it begins their counts anew.
fn is_since_price(bill: &Bill, tried: &Transaction) -> bool {
    bill.server_price().is_none_or(|price| tried.created_at > price.named_at)
}

/// Whether anybody could pay the order of this try before its end.
fn was_payable(tried: &Transaction) -> bool {
    tried.token.is_some() || !tried.key.channel.is_paid_by_token()
}

/// How many tries the author of `charging` opened lately after one that could still be paid.
fn count_followed(bill: &Bill, charging: &Charging) -> usize {
    let counts = |next: &Transaction| {
        next.author == charging.author
            && next.key.channel.family() == charging.channel.family()
            && next.created_at.distance(charging.now) < FOLLOWED_WITHIN
            && is_since_price(bill, next)
    };
    let follows = |next: &Transaction| {
        followed(next, &bill.tries).is_some_and(|followed| {
            is_bounded(charging.author, followed) && was_payable(followed) && next.created_at < followed.expires_at
        })
    };
    bill.tries.iter().filter(|next| counts(next) && follows(next)).count()
}

/// The open tries that a charge of the server makes worthless: clients or visitors opened them at another price, on any channel.
pub fn outpriced<'a>(request: &'a ChargeRequest, tries: &'a [Transaction]) -> impl Iterator<Item = &'a Transaction> {
    let is_outpriced =
        move |open: &&Transaction| open.author != Author::Server && is_current(open) && open.fee != request.fee;
    tries.iter().filter(is_outpriced)
}

/// The try after `last`, if `charging` may have one more on its channel.
fn next_try<'a>(
    last: &'a Transaction,
    replaces: Option<&'a Transaction>,
    bill: &Bill,
    charging: &Charging,
) -> Reservation<'a> {
    let is_early = charging.now < last.expires_at && was_payable(last);
    if is_early && is_bounded(charging.author, last) && count_followed(bill, charging) >= FOLLOWED_MAX {
        return Reservation::ReplacedTooOften;
    }
    let counts = |tried: &&Transaction| {
        tried.author == charging.author && tried.key.channel == charging.channel && is_since_price(bill, tried)
    };
    let has_more = match charging.author {
        Author::Server => true,
        bounded @ (Author::Visitor | Author::Client) => {
            bill.tries.iter().filter(counts).count() < usize::from(TryNumber::max_for(bounded))
        }
    };
    let number = last.key.try_number.next_for(charging.author).filter(|_| has_more);
    number.map_or(Reservation::Exhausted, |number| Reservation::Next(NextTry { number, replaces }))
}

/// Whether the order was made for another payer. At WeChat only that payer can pay it.
fn is_other_payer(open: &Transaction, request: &ChargeRequest) -> bool {
    match (&open.payer, &request.openid) {
        (Some(payer), Some(openid)) => *payer != PayerDigest::of_openid(openid),
        _ => false,
    }
}

/// The try before `tried` on its channel.
fn followed<'a>(tried: &Transaction, tries: &'a [Transaction]) -> Option<&'a Transaction> {
    tries.iter().find(|earlier| {
        earlier.key.channel == tried.key.channel && earlier.key.try_number.next() == Some(tried.key.try_number)
    })
}

/// Whether a try cannot be taken up again. A paid try that does not count for the bill is over, too. UnionPay takes an order once, and only
/// while the order's time matches the clock. If it gave out nothing for a try, the try is presented again for a short time, because the
/// caller may only repeat the same call. After that the try is over.
fn is_over(last: &Transaction, tries: &[Transaction], now: Timestamp) -> bool {
    let follows_unpayable = followed(last, tries).is_some_and(|earlier| !was_payable(earlier));
    let presented = if follows_unpayable { PRESENTED_LONGER } else { PRESENTED_AGAIN };
    let is_stale = last.key.channel.family().has(Habit::TakesOrderOnce)
        && last.token.is_none()
        && last.created_at.plus(presented) <= now;
    !is_current(last) || last.expires_at <= now || is_stale
}

#[cfg(test)]
mod tests;
