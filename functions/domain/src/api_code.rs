//! The codes of the wire contract, in their order of precedence.

/// What a call came to. Of several errors at once the first in this order is answered.
///
/// # Source
/// MaxPay manual, table of result codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApiCode {
    /// All is well.
    Ok,
    /// No such app, or the credentials do not fit it.
    AppInvalid,
    /// This app has no settings for that channel.
    PayFactorNotSet,
    /// Unknown channel.
    ChannelInvalid,
    /// A required field is absent.
    MissParam,
    /// A field is present and wrong.
    ParamInvalid,
    /// A stored key or certificate cannot be used.
    CertFileError,
    /// The provider refused or could not be reached.
    ChannelError,
    /// Our own fault.
    RunTimeError,
}

impl ApiCode {
    /// Every code with its number and its name on the wire, by precedence.
    #[rustfmt::skip]
    pub const ALL: [(Self, u8, &'static str); 9] = [
        (Self::Ok,              0,  "OK"),
        (Self::AppInvalid,      1,  "APP_INVALID"),
        (Self::PayFactorNotSet, 2,  "PAY_FACTOR_NOT_SET"),
        (Self::ChannelInvalid,  3,  "CHANNEL_INVALID"),
        (Self::MissParam,       4,  "MISS_PARAM"),
        (Self::ParamInvalid,    5,  "PARAM_INVALID"),
        (Self::CertFileError,   6,  "CERT_FILE_ERROR"),
        (Self::ChannelError,    7,  "CHANNEL_ERROR"),
        (Self::RunTimeError,    14, "RUN_TIME_ERROR"),
    ];

    /// The number in the answer's `code`.
    pub fn number(self) -> u8 {
        self.row().0
    }

    /// The name in the answer's `msg`.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    fn row(self) -> (u8, &'static str) {
        Self::ALL
            .iter()
            .find(|(code, ..)| *code == self)
            .map_or((14, "RUN_TIME_ERROR"), |(_, number, name)| (*number, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_follows_the_numbers() {
        assert!(ApiCode::ALL.is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1));
        for (code, number, name) in ApiCode::ALL {
            assert_eq!((code.number(), code.name()), (number, name));
        }
    }
}
