//! What a payer's browser brings back to the merchant from a checkout: parameters of the return address, signed.
//!
//! A browser proves nothing by itself, so the parameters carry a signature that only the app's server can make again. The merchant still
//! delivers by its webhook or a query; the result is for the page that the payer sees.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{CheckoutKey, Key, Timestamp, Transaction, closed_list};

closed_list! {
    /// How a payer came back.
    pub enum CheckoutResultStatus {
        /// The bill is paid.
        Success = "success",
        /// The payer left, and nothing was begun that could still be paid.
        Cancel = "cancel",
        /// The payer left after a payment was begun. It may still be paid.
        Unknown = "unknown",
    }
}

/// A result, before it is signed.
#[derive(Clone, Debug)]
pub struct CheckoutResult<'a> {
    /// Whose bill.
    pub key: &'a CheckoutKey,
    /// How the payer came back.
    pub status: CheckoutResultStatus,
    /// The payment, if the bill is paid.
    pub payment: Option<&'a Transaction>,
    /// The time.
    pub now: Timestamp,
}

impl CheckoutResult<'_> {
    /// The parameters, sorted by name, with the signature as the last. The signature is HMAC-SHA256 in lower-case hex under the master key,
    /// over `maxpay-checkout-result` and each parameter as `name=value`, joined by line feeds.
    pub fn signed(&self, master: &Key) -> Vec<(&'static str, String)> {
        let CheckoutResult { key, status, payment, now } = self;
        let mut parameters = vec![
            ("maxpay_app", key.app.to_string()),
            ("maxpay_bill", key.bill.to_string()),
            ("maxpay_mode", key.mode.name().to_owned()),
            ("maxpay_status", status.name().to_owned()),
            ("maxpay_time", now.ms().to_string()),
        ];
        if let Some(payment) = payment {
            parameters.push(("maxpay_id", payment.id.to_string()));
            parameters.push(("maxpay_channel", payment.key.channel.name().to_owned()));
            parameters.push(("maxpay_fee", payment.fee.get().to_string()));
        }
        parameters.sort();
        let mut content = "maxpay-checkout-result".to_owned();
        for (name, value) in &parameters {
            content.push_str(&format!("\n{name}={value}"));
        }
        parameters.push(("maxpay_sign", sign(&content, master)));
        parameters
    }
}

/// HMAC takes a key of any length, so the empty text is never the answer.
fn sign(content: &str, master: &Key) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(master.expose().as_bytes());
    let signature = mac.map(|mac| mac.chain_update(content).finalize().into_bytes()).unwrap_or_default();
    signature.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Secret, Status, checkout::tests::checkout, transaction::tests::sample};

    #[test]
    fn a_result_is_signed_over_all_its_parameters_in_order() {
        let (made, paid) = (checkout(), sample(Status::Success));
        let result = CheckoutResult {
            key: &made.key,
            status: CheckoutResultStatus::Success,
            payment: Some(&paid),
            now: made.named_at,
        };
        let found = result.signed(&Secret::new("test-master".to_owned()));
        let names: Vec<_> = found.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            [
                "maxpay_app",
                "maxpay_bill",
                "maxpay_channel",
                "maxpay_fee",
                "maxpay_id",
                "maxpay_mode",
                "maxpay_status",
                "maxpay_time",
                "maxpay_sign"
            ]
        );
        let lines: Vec<String> = found.iter().take(8).map(|(name, value)| format!("{name}={value}")).collect();
        let content = format!("maxpay-checkout-result\n{}", lines.join("\n"));
        assert_eq!(found[8].1, sign(&content, &Secret::new("test-master".to_owned())));
        assert_eq!(found[8].1.len(), 64);
        let left = CheckoutResult { status: CheckoutResultStatus::Cancel, payment: None, ..result };
        assert_eq!(left.signed(&Secret::new("k".to_owned())).len(), 6);
    }
}
