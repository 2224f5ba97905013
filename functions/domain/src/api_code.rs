//! The codes of the wire contract, in their order of precedence.

use crate::closed_list;

closed_list! {
    /// The result of a call. If several errors apply, the answer names the first in this order. The word is the answer's `msg`.
    ///
    /// # Source
    /// MaxPay manual, table of result codes.
    pub enum ApiCode: u8 {
        /// All is well.
        Ok = "OK" => 0,
        /// No such app, or the credentials do not fit it.
        AppInvalid = "APP_INVALID" => 1,
        /// This app has no settings for that channel.
        PayFactorNotSet = "PAY_FACTOR_NOT_SET" => 2,
        /// Unknown channel.
        ChannelInvalid = "CHANNEL_INVALID" => 3,
        /// A required field is absent.
        MissParam = "MISS_PARAM" => 4,
        /// A field is present and wrong.
        ParamInvalid = "PARAM_INVALID" => 5,
        /// A stored key or certificate cannot be used.
        CertFileError = "CERT_FILE_ERROR" => 6,
        /// The provider refused or could not be reached.
        ChannelError = "CHANNEL_ERROR" => 7,
        /// Our own fault.
        RunTimeError = "RUN_TIME_ERROR" => 14,
    }
}

impl ApiCode {
    /// The number in the answer's `code`.
    pub fn number(self) -> u8 {
        self.row()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_follows_the_numbers() {
        assert!(ApiCode::ALL.is_sorted_by(|one, other| one.number() < other.number()));
    }
}
