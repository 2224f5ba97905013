//! A bill: the merchant's order, and the tries to have it paid.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{AppId, BillNum, Channel, Mode};

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
    /// The path at which the provider reports on this try: `/notify/<app>/<mode>/<channel>/<nn>/<bill>`. The bill is in base64url: a
    /// merchant may use any character in it, and UnionPay takes neither `~` nor escapes in a URL.
    pub fn notify_path(&self) -> String {
        self.path("notify")
    }

    /// The path to which the payer's browser returns with a form, if it does not go to the merchant directly.
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

/// Who opened a try, and so whose price it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// The merchant's server, with the master key. It names the price.
    Server,
    /// A visitor of the server's checkout, at the price that the checkout had. A visitor names no price, and is bounded as a client is.
    Visitor,
    /// A client: the public key, or a session token. A visitor of a client's checkout is one, too.
    Client,
}

impl Author {
    /// Who opens the tries of a checkout that this author made.
    pub fn of_visitors(self) -> Self {
        match self {
            Self::Server | Self::Visitor => Self::Visitor,
            Self::Client => Self::Client,
        }
    }
}

/// Counts the tries of a bill on one channel, from 1 to 99. A new try begins when the last one was closed or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TryNumber(u8);

impl TryNumber {
    /// The first try.
    pub const FIRST: Self = Self(1);

    /// Two digits in the sort key.
    const MAX: u8 = 99;

    /// How many tries clients have at one price of the server. Anyone can have the client key: strangers may use up these.
    const MAX_OF_CLIENTS: u8 = 49;

    /// How many tries the visitors of a checkout have at one price.
    const MAX_OF_VISITORS: u8 = 40;

    /// The last number that is not the server's alone. However often the price changes, ten numbers stay for the server.
    const LAST_OF_OTHERS: Self = Self(89);

    /// The try after this one; `None` after the last.
    pub fn next(self) -> Option<Self> {
        (self.0 < Self::MAX).then(|| Self(self.0 + 1))
    }

    /// The try after this one, if there is one for `author`.
    pub fn next_for(self, author: Author) -> Option<Self> {
        self.next().filter(|next| author == Author::Server || *next <= Self::LAST_OF_OTHERS)
    }

    /// How many tries `author` has on a channel at one price.
    pub fn max_for(author: Author) -> u8 {
        match author {
            Author::Server => Self::MAX,
            Author::Visitor => Self::MAX_OF_VISITORS,
            Author::Client => Self::MAX_OF_CLIENTS,
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Status, transaction::tests::sample};

    #[test]
    fn a_notify_path_goes_round_and_fits_every_provider() {
        let (longest, wide, widest) = ("x".repeat(64), "单".repeat(32), "😀".repeat(64));
        // A path of this length leaves room for a host of 65 characters. If the whole URL is too long, the charge is refused with the
        // reason.
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
