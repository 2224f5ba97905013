//! A bill: the merchant's order, and the tries to have it paid.

use std::{fmt, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{AppId, BillNum, Channel, ChargeRequest, Family, Mode, Status, Timestamp, Transaction};

/// Names one try of one bill on one channel. The notify URL carries it, so that a notify needs no lookup.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TransactionKey {
    /// Whose bill.
    pub app: AppId,
    /// Real money or not.
    pub mode: Mode,
    /// Which bill.
    pub bill: BillNum,
    /// On which channel.
    pub channel: Channel,
    /// Which try on that channel.
    pub try_number: TryNumber,
}

impl TransactionKey {
    /// The path at which the provider reports on this try: `/notify/<app>/<mode>/<channel>/<nn>/<bill>`, the bill in
    /// base64url, because a merchant may use any character in it and UnionPay takes no `~` or escapes in a URL.
    pub fn notify_path(&self) -> String {
        self.path("notify")
    }

    /// The path to which the payer's browser comes back with a form, where it does not go to the merchant directly.
    pub fn return_path(&self) -> String {
        self.path("return")
    }

    /// Reads a path that [`Self::notify_path`] wrote; `None` for any other.
    pub fn from_notify_path(path: &str) -> Option<Self> {
        Self::from_path(path.strip_prefix("/notify/")?)
    }

    /// Reads a path that [`Self::return_path`] wrote; `None` for any other.
    pub fn from_return_path(path: &str) -> Option<Self> {
        Self::from_path(path.strip_prefix("/return/")?)
    }

    fn path(&self, kind: &str) -> String {
        let bill = URL_SAFE_NO_PAD.encode(self.bill.as_str());
        format!("/{kind}/{}/{}/{}/{}/{bill}", self.app, self.mode, self.channel, self.try_number)
    }

    fn from_path(rest: &str) -> Option<Self> {
        let mut parts = rest.split('/');
        let mut part = || parts.next();
        let (app, mode, channel, try_number, bill) = (part()?, part()?, part()?, part()?, part()?);
        let bill = String::from_utf8(URL_SAFE_NO_PAD.decode(bill).ok()?).ok()?;
        let key = Self {
            app: AppId::parse(app).ok()?,
            mode: Mode::find(mode)?,
            bill: BillNum::parse(&bill).ok()?,
            channel: Channel::find(channel)?,
            try_number: TryNumber::parse(try_number)?,
        };
        part().is_none().then_some(key)
    }
}

/// Counts the tries of a bill on one channel, from 1 to 99. A new try begins when the one before was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TryNumber(u8);

impl TryNumber {
    /// The first try.
    pub const FIRST: Self = Self(1);

    /// Two digits in the sort key.
    const MAX: u8 = 99;

    /// The try after this one; `None` after the last.
    pub fn next(self) -> Option<Self> {
        (self.0 < Self::MAX).then(|| Self(self.0 + 1))
    }

    /// Reads two digits.
    pub fn parse(text: &str) -> Option<Self> {
        let two_digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse().ok().filter(|number| two_digits && (1..=Self::MAX).contains(number))?;
        Some(Self(number))
    }
}

/// Two digits.
impl fmt::Display for TryNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

/// What a charge may do, given all tries of its bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reservation<'a> {
    /// This is the same charge: answer it with fresh payment parameters.
    Same(&'a Transaction),
    /// Nothing is open on this channel: reserve this try.
    Next(TryNumber),
    /// The bill is paid, by this transaction.
    Paid(&'a Transaction),
    /// A try is open on this channel, with another amount.
    OtherFee(&'a Transaction),
    /// A try is open on this channel, for something else.
    OtherSubject(&'a Transaction),
    /// No more tries on this channel.
    Exhausted,
}

/// Decides what `request` may do. A try that is closed or expired is over; one that is open binds the amount and the
/// subject. An expired one may not be closed yet: the provider was told its end, too. Should it be paid all the same, that is
/// settled, and found as a duplicate if the next try is paid, too.
pub fn reserve<'a>(request: &ChargeRequest, tries: &'a [Transaction], now: Timestamp) -> Reservation<'a> {
    if let Some(paid) = tries.iter().find(|transaction| transaction.status.is_paid()) {
        return Reservation::Paid(paid);
    }
    let on_channel = tries.iter().filter(|transaction| transaction.key.channel == request.channel);
    match on_channel.max_by_key(|transaction| transaction.key.try_number) {
        None => Reservation::Next(TryNumber::FIRST),
        Some(last) if is_over(last, now) => {
            last.key.try_number.next().map_or(Reservation::Exhausted, Reservation::Next)
        }
        Some(open) if open.fee != request.fee => Reservation::OtherFee(open),
        Some(open) if open.subject != request.subject => Reservation::OtherSubject(open),
        Some(open) => Reservation::Same(open),
    }
}

/// How long a try without a token can be presented to the provider again, where an order is known by its time, too.
const PRESENTED_AGAIN: Duration = Duration::from_secs(30);

/// Whether a try cannot be taken up again. UnionPay takes an order once, and only while its time is that of the clock: what it
/// gave nothing out for is presented again while a caller may just be repeating itself, and not later.
fn is_over(last: &Transaction, now: Timestamp) -> bool {
    let is_stale = last.key.channel.family() == Family::Unipay
        && last.token.is_none()
        && last.created_at.plus(PRESENTED_AGAIN) <= now;
    last.status == Status::Closed || last.expires_at <= now || is_stale
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Subject,
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

    fn on(channel: Channel, status: Status, try_number: u8) -> Transaction {
        let mut transaction = sample(status);
        transaction.key.channel = channel;
        transaction.key.try_number = TryNumber(try_number);
        transaction
    }

    #[test]
    fn a_bill_is_reserved_once_a_channel_until_it_is_closed() {
        use Channel::{AliApp, AliWeb};
        let check = |tries: &[Transaction], expect: &str| {
            let found = format!("{:?}", reserve(&request(), tries, sample(Status::Created).created_at));
            assert!(found.starts_with(expect), "{found}");
        };
        check(&[], "Next(TryNumber(1))");
        check(&[on(AliApp, Status::Created, 1)], "Next(TryNumber(1))");
        check(&[on(AliWeb, Status::Created, 1)], "Same");
        check(&[on(AliWeb, Status::Closed, 1)], "Next(TryNumber(2))");
        check(&[on(AliWeb, Status::Closed, 1), on(AliWeb, Status::Created, 2)], "Same");
        check(&[on(AliWeb, Status::Closed, 99)], "Exhausted");
        check(&[on(AliWeb, Status::Success, 1)], "Paid");
        check(&[on(AliWeb, Status::Refund, 1)], "Paid");
        check(&[on(AliApp, Status::Success, 1), on(AliWeb, Status::Created, 1)], "Paid");

        let mut other = on(AliWeb, Status::Created, 1);
        other.fee = fen(1);
        check(&[other.clone()], "OtherFee");
        other.status = Status::Closed;
        check(&[other], "Next(TryNumber(2))");
        let mut other = on(AliWeb, Status::Created, 1);
        other.subject = Subject::parse("coffee").unwrap();
        check(&[other], "OtherSubject");
        let mut expired = on(AliWeb, Status::Created, 1);
        expired.expires_at = expired.created_at;
        check(&[expired], "Next(TryNumber(2))");
    }

    #[test]
    fn a_try_at_unionpay_without_a_token_is_presented_again_for_half_a_minute() {
        let charge = ChargeRequest { channel: Channel::UnipayApp, ..request() };
        let mut open = on(Channel::UnipayApp, Status::Created, 1);
        let at = |seconds| open.created_at.plus(Duration::from_secs(seconds));
        let (within, later) = (at(29), at(30));
        assert!(matches!(reserve(&charge, &[open.clone()], within), Reservation::Same(_)));
        assert!(matches!(reserve(&charge, &[open.clone()], later), Reservation::Next(TryNumber(2))));
        open.token = Some("820038315009481331679".to_owned());
        assert!(matches!(reserve(&charge, &[open], later), Reservation::Same(_)));
    }

    #[test]
    fn a_notify_path_goes_round_and_fits_every_provider() {
        let (longest, wide, widest) = ("x".repeat(64), "单".repeat(32), "😀".repeat(64));
        // The length leaves a host of 65 characters, or the charge is refused by name.
        for (bill, longest) in
            [("112233", 190), ("a/b?c#d", 190), ("~", 190), (&longest, 190), (&wide, 190), (&widest, 400)]
        {
            let mut key = sample(Status::Created).key;
            key.bill = BillNum::parse(bill).unwrap();
            let path = key.notify_path();
            assert_eq!(TransactionKey::from_notify_path(&path), Some(key));
            assert!(
                path.len() <= longest && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_".contains(&b)),
                "{path}"
            );
        }
        let good = sample(Status::Created).key.notify_path();
        for path in ["", "/notify", "/notify/a/b/c/d/e", &format!("{good}/x"), &good.replace("test", "prod")] {
            assert_eq!(TransactionKey::from_notify_path(path), None, "{path}");
        }
    }

    #[test]
    fn a_try_number_is_two_digits() {
        assert_eq!(TryNumber::parse("01"), Some(TryNumber::FIRST));
        for text in ["", "1", "00", "100", "+1", "0a"] {
            assert_eq!(TryNumber::parse(text), None, "{text}");
        }
    }
}
