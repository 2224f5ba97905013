//! What a charge may do, by tables.

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
fn an_order_that_nobody_can_pay_counts_for_no_bound_of_an_hour() {
    let charge = ChargeRequest { channel: Channel::UnipayApp, ..request() };
    let client = Charging { channel: Channel::UnipayApp, ..charging(Author::Client) };
    let stale = |number: u8| Transaction {
        token: None,
        superseded_at: Some(client.now),
        ..on(Channel::UnipayApp, Status::Created, &format!("{number:02}"))
    };
    let mut tries: Vec<_> = (1..=20).map(stale).collect();
    check(&charge, &tries, &client, "next 21 replaces nothing");
    tries[19].token = Some("820038315009481331679".to_owned());
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
    // UnionPay does not answer. The next try is presented for minutes.
    let tries = ["01", "02"].map(|number| on(Channel::UnipayApp, Status::Created, number));
    check(&charge, &tries, &at(149), "same 02");
    check(&charge, &tries, &at(150), "next 03 replaces nothing");
}
