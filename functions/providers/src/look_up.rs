//! Finds an order by the provider's own number, which the payer reads out: the provider says which of our orders it is.
//!
//! The answer names an order and nothing else. It settles nothing. The state of the order is asked for by the order's own number.

use std::ops::RangeInclusive;

use domain::ProviderTradeNo;

use crate::{MessageProblem, ProviderError, error::words};

/// The digits of Alipay's `trade_no`: 28 today, and 16 in old orders.
pub(crate) const ALIPAY_DIGITS: RangeInclusive<usize> = 16..=32;
/// The digits of WeChat Pay's `transaction_id`: 28, and at most 32 by its documents.
pub(crate) const WECHAT_DIGITS: RangeInclusive<usize> = 28..=32;
/// The digits of UnionPay's `queryId`.
pub(crate) const UNIONPAY_DIGITS: RangeInclusive<usize> = 21..=21;

/// Whether the number has as many digits.
pub(crate) fn may_be_of(digits: &RangeInclusive<usize>, number: &ProviderTradeNo) -> bool {
    let text = number.as_str();
    digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The two numbers in a verified answer, with the provider's names for them.
pub(crate) struct FoundOrder {
    pub(crate) number_field: &'static str,
    pub(crate) number: Option<String>,
    pub(crate) order_field: &'static str,
    pub(crate) order: Option<String>,
}

impl FoundOrder {
    /// The order's number, if the answer is about the number that was asked for.
    pub(crate) fn order_of(self, asked: &ProviderTradeNo) -> Result<Option<String>, ProviderError> {
        let Self { number_field, number, order_field, order } = self;
        let unreadable = |field: &str| ProviderError::from(MessageProblem::Unreadable { field: field.to_owned() });
        let number = number.ok_or_else(|| unreadable(number_field))?;
        if number != asked.as_str() {
            return Err(ProviderError::from(MessageProblem::OtherField {
                field: number_field.to_owned(),
                found: words(&number),
                expected: asked.as_str().to_owned(),
            }));
        }
        order.ok_or_else(|| unreadable(order_field)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn a_number_is_asked_of_those_who_give_such_numbers() {
        const CASES: &[(&str, [bool; 3])] = &[
            //                               Alipay WeChat UnionPay
            ("2026112322001123456780000001", [true,  true,  false]),
            ("4200000914202101195554393855", [true,  true,  false]),
            ("2010073100321834",             [true,  false, false]),
            ("202611232230001234567",        [true,  false, true]),
            ("568b33a0f7e4beba9244a8e0",     [false, false, false]),
            ("SO-2026112322001123",          [false, false, false]),
            ("123456789012345",              [false, false, false]),
            ("123456789012345678901234567890123", [false, false, false]),
        ];
        for (number, expect) in CASES {
            let number = ProviderTradeNo::parse(number).unwrap();
            let digits = [ALIPAY_DIGITS, WECHAT_DIGITS, UNIONPAY_DIGITS];
            assert_eq!(digits.map(|digits| may_be_of(&digits, &number)), *expect, "{number:?}");
        }
    }

    #[test]
    fn an_answer_about_another_payment_names_no_order() {
        let asked = ProviderTradeNo::parse("42").unwrap();
        let found = |number: Option<&str>, order: Option<&str>| {
            let (number, order) = (number.map(str::to_owned), order.map(str::to_owned));
            FoundOrder { number_field: "trade_no", number, order_field: "out_trade_no", order }.order_of(&asked)
        };
        assert_eq!(found(Some("42"), Some("one")).unwrap().as_deref(), Some("one"));
        for (number, order, expect) in [
            (Some("43"), Some("one"), "it is about trade_no 43, not 42"),
            (None, Some("one"), "trade_no is missing or cannot be read"),
            (Some("42"), None, "out_trade_no is missing or cannot be read"),
        ] {
            let error = found(number, order).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        }
    }
}
