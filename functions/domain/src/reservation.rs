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
    /// Clients, or visitors, replaced or cancelled tries of this bill too often within an hour.
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

/// The same after a try for which the provider gave out nothing either: it does not answer, and a payer who tries again and again must not use
/// up the numbers. UnionPay takes a time as the current one for some minutes.
const PRESENTED_LONGER: Duration = Duration::from_secs(240);

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
    let is_second = followed(last, tries).is_some_and(|earlier| !was_payable(earlier));
    let presented = if is_second { PRESENTED_LONGER } else { PRESENTED_AGAIN };
    let is_stale = last.key.channel.family().has(Habit::TakesOrderOnce)
        && last.token.is_none()
        && last.created_at.plus(presented) <= now;
    !is_current(last) || last.expires_at <= now || is_stale
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        BillNum, Checkout, Status, Subject,
        checkout::tests::checkout,
        transaction::tests::{fen, sample},
    };

    fn request() -> ChargeRequest {
        ChargeRequest {
            channel: Channel::AliWeb,
            bill: BillNum::parse("112233").unwrap(),
            fee: fen(9900),
            subject: Subject::parse("tea").unwrap(),
            extras: None,
            return_url: None,
            show_url: None,
            timeout: Duration::from_secs(7200),
            qr_pay_mode: None,
            openid: None,
            client_ip: None,
        }
    }

    fn charging(author: Author) -> Charging {
        Charging {
            author,
            offer: None,
            channel: Channel::AliWeb,
            account: AccountNumber::FIRST,
            clients_name_prices: true,
            now: sample(Status::Created).created_at,
        }
    }

    fn on(channel: Channel, status: Status, number: &str) -> Transaction {
        let mut transaction = sample(status);
        transaction.key.channel = channel;
        transaction.key.try_number = TryNumber::parse(number).unwrap();
        transaction
    }

    fn by(author: Author, transaction: Transaction) -> Transaction {
        Transaction { author, ..transaction }
    }

    fn at(fee: i64, transaction: Transaction) -> Transaction {
        Transaction { fee: fen(fee), ..transaction }
    }

    #[track_caller]
    fn check(request: &ChargeRequest, tries: &[Transaction], charging: &Charging, expect: &str) {
        check_bill(request, &Bill { tries: tries.to_vec(), checkout: None }, charging, expect);
    }

    #[track_caller]
    fn check_bill(request: &ChargeRequest, bill: &Bill, charging: &Charging, expect: &str) {
        let found = match reserve(request, bill, charging) {
            Reservation::Same(open) => format!("same {}", open.key.try_number),
            Reservation::Next(next) => {
                let replaces = next.replaces.map_or("nothing".to_owned(), |open| open.key.try_number.to_string());
                format!("next {} replaces {replaces}", next.number)
            }
            Reservation::Paid(_) => "paid".to_owned(),
            Reservation::OtherFee(fee) => format!("other fee {}", fee.get()),
            Reservation::OtherSubject => "other subject".to_owned(),
            Reservation::OfferChanged => "offer changed".to_owned(),
            Reservation::NotOpened => "not opened".to_owned(),
            Reservation::ReplacedTooOften => "too often".to_owned(),
            Reservation::Exhausted => "exhausted".to_owned(),
        };
        assert_eq!(found, expect);
    }

    #[test]
    fn a_bill_is_reserved_once_a_channel_until_it_is_closed() {
        use Channel::{AliApp, AliWeb};
        for author in [Author::Server, Author::Client] {
            let check = |tries: &[Transaction], expect: &str| {
                let tries: Vec<_> = tries.iter().map(|transaction| by(author, transaction.clone())).collect();
                check(&request(), &tries, &charging(author), expect);
            };
            check(&[], "next 01 replaces nothing");
            check(&[on(AliApp, Status::Created, "01")], "next 01 replaces nothing");
            check(&[on(AliWeb, Status::Created, "01")], "same 01");
            check(&[on(AliWeb, Status::Closed, "01")], "next 02 replaces nothing");
            check(&[on(AliWeb, Status::Closed, "01"), on(AliWeb, Status::Created, "02")], "same 02");
            check(&[on(AliWeb, Status::Closed, "99")], "exhausted");
            check(&[on(AliWeb, Status::Success, "01")], "paid");
            check(&[on(AliWeb, Status::Refund, "01")], "paid");
            check(&[on(AliApp, Status::Success, "01"), on(AliWeb, Status::Created, "01")], "paid");
            check(&[at(1, on(AliWeb, Status::Created, "01"))], "other fee 1");
            let mut other = on(AliWeb, Status::Created, "01");
            other.subject = Subject::parse("coffee").unwrap();
            check(&[other], "other subject");
            let mut expired = on(AliWeb, Status::Created, "01");
            expired.expires_at = expired.created_at;
            check(&[expired], "next 02 replaces nothing");
        }
        // Between charges of the server only an open try binds the price.
        let closed = by(Author::Server, at(1, on(AliWeb, Status::Closed, "01")));
        check(&request(), &[closed], &charging(Author::Server), "next 02 replaces nothing");
    }

    #[test]
    #[rustfmt::skip]
    fn the_server_names_the_price() {
        use Author::{Client, Server};
        use Channel::{AliApp, AliWeb};
        let tried = |author, fee, channel, status| by(author, at(fee, on(channel, status, "01")));
        // Who charges 9900 on ali_web; the tries there are; what becomes of it.
        let cases: &[(Author, &[Transaction], &str)] = &[
            (Client, &[tried(Server, 9900, AliApp, Status::Created)], "next 01 replaces nothing"),
            (Client, &[tried(Server, 10000, AliApp, Status::Created)], "other fee 10000"),
            (Client, &[tried(Server, 10000, AliApp, Status::Closed)], "other fee 10000"),
            (Client, &[tried(Client, 1, AliWeb, Status::Created)], "other fee 1"),
            (Client, &[tried(Server, 9900, AliApp, Status::Created), tried(Client, 1, AliWeb, Status::Created)], "next 02 replaces 01"),
            (Server, &[tried(Client, 1, AliWeb, Status::Created)], "next 02 replaces 01"),
            (Server, &[tried(Client, 9900, AliWeb, Status::Created)], "next 02 replaces 01"),
            (Server, &[tried(Server, 9900, AliWeb, Status::Created)], "same 01"),
            (Server, &[tried(Client, 1, AliApp, Status::Success)], "next 01 replaces nothing"),
            (Server, &[tried(Client, 1, AliWeb, Status::Success)], "next 02 replaces nothing"),
            (Server, &[tried(Client, 9900, AliApp, Status::Success)], "paid"),
            (Client, &[tried(Client, 1, AliApp, Status::Success)], "paid"),
            (Client, &[tried(Client, 1, AliApp, Status::Success), tried(Server, 9900, AliWeb, Status::Created)], "same 01"),
            // A payment that the server opened counts, even if the price changed later.
            (Server, &[tried(Server, 10000, AliApp, Status::Success), tried(Server, 9900, AliWeb, Status::Closed)], "paid"),
        ];
        for (author, tries, expect) in cases {
            check(&request(), tries, &charging(*author), expect);
        }
        let strict = Charging { clients_name_prices: false, ..charging(Client) };
        check(&request(), &[], &strict, "not opened");
        check(&request(), &[tried(Server, 9900, AliApp, Status::Created)], &strict, "next 01 replaces nothing");
        let server = Charging { clients_name_prices: false, ..charging(Server) };
        check(&request(), &[], &server, "next 01 replaces nothing");
    }

    #[test]
    fn a_checkout_of_the_server_names_the_price_before_anybody_chose_a_channel() {
        let at_price = |author, fee| {
            let checkout = Checkout { author, fee: fen(fee), subject: request().subject, ..checkout() };
            Bill { tries: Vec::new(), checkout: Some(checkout) }
        };
        let (server, client) = (charging(Author::Server), charging(Author::Client));
        check_bill(&request(), &at_price(Author::Server, 10_000), &client, "other fee 10000");
        check_bill(&request(), &at_price(Author::Server, 9900), &client, "next 01 replaces nothing");
        check_bill(&request(), &at_price(Author::Server, 10_000), &server, "next 01 replaces nothing");
        check_bill(&request(), &at_price(Author::Client, 10_000), &client, "next 01 replaces nothing");
        let coffee = ChargeRequest { subject: Subject::parse("coffee").unwrap(), ..request() };
        check_bill(&coffee, &at_price(Author::Server, 9900), &client, "other subject");
        // Such a bill was opened by the server.
        let strict = Charging { clients_name_prices: false, ..client };
        check_bill(&request(), &at_price(Author::Server, 9900), &strict, "next 01 replaces nothing");
        check_bill(&request(), &at_price(Author::Client, 9900), &strict, "not opened");
        let paid = by(Author::Client, at(1, on(Channel::AliApp, Status::Success, "01")));
        let bill = Bill { tries: vec![paid], ..at_price(Author::Server, 9900) };
        check_bill(&request(), &bill, &client, "next 01 replaces nothing");
    }

    #[test]
    fn a_visitor_charges_what_the_checkout_offers_and_names_no_price() {
        use Author::{Client, Server, Visitor};
        use Channel::{AliApp, AliWeb};
        let offer = Checkout { fee: request().fee, subject: request().subject, ..checkout() };
        let with = |tries: &[Transaction]| Bill { tries: tries.to_vec(), checkout: Some(offer.clone()) };
        let tried = |author, fee, channel| by(author, at(fee, on(channel, Status::Created, "01")));
        let visitor = Charging { offer: Some(offer.revision), ..charging(Visitor) };
        check_bill(&request(), &with(&[]), &visitor, "next 01 replaces nothing");
        check_bill(&request(), &with(&[tried(Visitor, 9900, AliWeb)]), &visitor, "same 01");
        check_bill(&request(), &with(&[tried(Server, 9900, AliWeb)]), &visitor, "same 01");
        check_bill(&request(), &with(&[tried(Client, 9900, AliWeb)]), &visitor, "next 02 replaces 01");
        check_bill(&request(), &with(&[tried(Visitor, 1, AliWeb)]), &visitor, "next 02 replaces 01");
        // The visitor saw another revision, or the server charged another price meanwhile.
        let before = Charging { offer: Some(offer.revision - 1), ..visitor };
        check_bill(&request(), &with(&[]), &before, "offer changed");
        let mut dearer = tried(Server, 10_000, AliApp);
        dearer.created_at = offer.named_at.plus(Duration::from_secs(1));
        check_bill(&request(), &with(&[dearer]), &visitor, "offer changed");
        check_bill(&request(), &with(&[]), &Charging { now: offer.expires_at, ..visitor }, "offer changed");
        // A visitor's order at an older price binds nobody.
        let mut older = tried(Visitor, 1, AliWeb);
        older.created_at = offer.named_at.plus(Duration::from_secs(1));
        check_bill(&request(), &with(&[older.clone()]), &charging(Client), "next 02 replaces 01");
        check_bill(&request(), &with(&[older]), &charging(Server), "next 02 replaces 01");
    }

    #[test]
    fn a_server_that_comes_back_to_an_older_price_names_it_again() {
        let first = by(Author::Server, on(Channel::AliWeb, Status::Created, "01"));
        let mut other = by(Author::Server, at(5000, on(Channel::WxNative, Status::Created, "01")));
        other.created_at = first.created_at.plus(Duration::from_secs(1));
        check(&request(), &[first, other], &charging(Author::Server), "next 02 replaces 01");
    }

    #[test]
    fn a_charge_of_the_server_makes_the_tries_of_others_at_other_prices_worthless() {
        let tries = [
            by(Author::Client, at(1, on(Channel::WxApp, Status::Created, "01"))),
            by(Author::Client, at(9900, on(Channel::AliApp, Status::Created, "01"))),
            by(Author::Server, at(1, on(Channel::AliWap, Status::Created, "01"))),
            by(Author::Visitor, at(1, on(Channel::WxH5, Status::Created, "01"))),
            by(Author::Client, at(1, on(Channel::AliWeb, Status::Closed, "01"))),
        ];
        let found: Vec<_> = outpriced(&request(), &tries).map(|open| open.key.channel).collect();
        assert_eq!(found, [Channel::WxApp, Channel::WxH5]);
    }

    #[test]
    fn another_payer_gets_a_try_of_their_own_so_many_times_an_hour() {
        let charge = ChargeRequest { channel: Channel::WxJsapi, openid: Some("second".to_owned()), ..request() };
        let now = charging(Author::Client).now;
        let open = |number: &str| Transaction {
            payer: Some(PayerDigest::of_openid("first")),
            ..on(Channel::WxJsapi, Status::Created, number)
        };
        let at_wechat = |author| Charging { channel: Channel::WxJsapi, ..charging(author) };
        let client = at_wechat(Author::Client);
        check(&charge, &[open("01")], &client, "next 02 replaces 01");
        let same = ChargeRequest { openid: Some("first".to_owned()), ..charge.clone() };
        check(&same, &[open("01")], &client, "same 01");
        // A row of the previous version does not say who its payer is. The provider decides.
        check(&charge, &[Transaction { payer: None, ..open("01") }], &client, "same 01");

        let mut tries: Vec<_> = (1..=FOLLOWED_MAX)
            .map(|number| Transaction { superseded_at: Some(now), ..open(&format!("{number:02}")) })
            .collect();
        tries.push(open("11"));
        check(&charge, &tries, &client, "too often");
        check(&charge, &tries, &charging(Author::Server), "next 12 replaces 11");
        // What clients opened takes nothing from the visitors of a checkout, and the other way round.
        let visitor = at_wechat(Author::Visitor);
        check(&charge, &tries, &visitor, "next 12 replaces 11");
        let of_visitors: Vec<_> = tries.iter().map(|tried| by(Author::Visitor, tried.clone())).collect();
        check(&charge, &of_visitors, &visitor, "too often");
        check(&charge, &of_visitors, &client, "next 12 replaces 11");
        let later = Charging { now: now.plus(FOLLOWED_WITHIN), ..client };
        check(&charge, &tries, &later, "next 12 replaces 11");
        // A payer who cancels in the wallet is bounded by the same rule. An order whose time is over is not, and what the server names begins
        // the count anew.
        let close = |number| on(Channel::WxJsapi, Status::Closed, &format!("{number:02}"));
        let mut closed: Vec<_> = (1..=FOLLOWED_MAX + 1).map(close).collect();
        check(&charge, &closed, &client, "too often");
        check(&charge, &closed, &later, "next 12 replaces nothing");
        check(&charge, &closed, &Charging { now: closed[0].expires_at, ..client }, "next 12 replaces nothing");
        closed.push(by(Author::Server, on(Channel::AliWeb, Status::Closed, "01")));
        check(&charge, &closed, &client, "next 12 replaces nothing");
        // Each provider has its own count.
        tries.push(on(Channel::AliWeb, Status::Closed, "01"));
        check(&request(), &tries, &charging(Author::Client), "next 02 replaces nothing");
    }

    #[test]
    fn an_order_that_nobody_can_pay_is_followed_as_often_as_there_are_numbers() {
        let charge = ChargeRequest { channel: Channel::UnipayApp, ..request() };
        let client = Charging { channel: Channel::UnipayApp, ..charging(Author::Client) };
        let stale = |number: u8| Transaction {
            token: None,
            superseded_at: Some(client.now),
            ..on(Channel::UnipayApp, Status::Created, &format!("{number:02}"))
        };
        let mut tries: Vec<_> = (1..=20).map(stale).collect();
        check(&charge, &tries, &client, "next 21 replaces nothing");
        for held in &mut tries {
            held.token = Some("820038315009481331679".to_owned());
        }
        check(&charge, &tries, &client, "too often");
    }

    #[test]
    fn a_new_price_gives_visitors_their_tries_back() {
        let visitor = charging(Author::Visitor);
        let max = TryNumber::max_for(Author::Visitor);
        let tried = |number: u8| by(Author::Visitor, on(Channel::AliWeb, Status::Closed, &format!("{number:02}")));
        let mut tries: Vec<_> = (1..=max).map(tried).collect();
        let later = Charging { now: visitor.now.plus(FOLLOWED_WITHIN), ..visitor };
        check(&request(), &tries, &later, "exhausted");
        tries.push(by(Author::Server, on(Channel::AliApp, Status::Created, "01")));
        check(&request(), &tries, &later, "next 41 replaces nothing");
        // The last numbers stay for the server.
        let mut last = tried(89);
        last.created_at = last.created_at.plus(Duration::from_secs(1));
        tries.push(last);
        check(&request(), &tries, &later, "exhausted");
        check(&request(), &tries, &Charging { author: Author::Server, ..later }, "next 90 replaces nothing");
    }

    #[test]
    fn a_try_on_another_account_of_the_channel_is_replaced() {
        let second = AccountNumber::new(2).unwrap();
        let open = on(Channel::AliWeb, Status::Created, "01");
        for author in [Author::Server, Author::Client] {
            let moved = Charging { account: second, ..charging(author) };
            check(&request(), std::slice::from_ref(&open), &moved, "next 02 replaces 01");
            let known = Transaction { author, account: second, ..on(Channel::AliWeb, Status::Created, "02") };
            check(&request(), &[open.clone(), known], &moved, "same 02");
        }
    }

    #[test]
    fn the_server_always_finds_a_number_where_clients_used_theirs_up() {
        let closed = |number: u8| on(Channel::AliWeb, Status::Closed, &format!("{number:02}"));
        let mut tries: Vec<_> = (1..=49).map(closed).collect();
        let client = charging(Author::Client);
        let client = Charging { now: client.now.plus(FOLLOWED_WITHIN), ..client };
        check(&request(), &tries, &client, "exhausted");
        check(&request(), &tries, &charging(Author::Server), "next 50 replaces nothing");
        // Numbers that the server used do not count against the clients.
        for number in [47, 48] {
            tries[number].author = Author::Server;
        }
        check(&request(), &tries, &client, "next 50 replaces nothing");
    }

    #[test]
    fn a_try_at_unionpay_without_a_token_is_presented_again_for_half_a_minute() {
        let charge = ChargeRequest { channel: Channel::UnipayApp, ..request() };
        let mut open = on(Channel::UnipayApp, Status::Created, "01");
        let began = open.created_at;
        let at = |seconds| Charging { now: began.plus(Duration::from_secs(seconds)), ..charging(Author::Client) };
        let (within, later) = (at(29), at(30));
        check(&charge, &[open.clone()], &within, "same 01");
        check(&charge, &[open.clone()], &later, "next 02 replaces nothing");
        open.token = Some("820038315009481331679".to_owned());
        check(&charge, &[open], &later, "same 01");
        // UnionPay does not answer. The next try is presented for some minutes.
        let tries = ["01", "02"].map(|number| on(Channel::UnipayApp, Status::Created, number));
        check(&charge, &tries, &at(239), "same 02");
        check(&charge, &tries, &at(240), "next 03 replaces nothing");
    }
}
