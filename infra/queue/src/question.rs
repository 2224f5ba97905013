//! A question for a provider, as a message in the queue. The message is a hint: the row of the bill or refund says whether the question is
//! still due. Several messages may have the same question. The worker that moves the row's due time first asks it, and the others drop
//! theirs.

use std::time::Duration;

use domain::{
    AppId, AskedAbout, AskedProvider, BillNum, Channel, Mode, RefundKey, RefundNum, TransactionKey, TryNumber,
};
use serde::{Deserialize, Serialize};

use crate::body_of;

/// A question that is to be asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// About what.
    pub about: &'a AskedAbout,
    /// The account at the provider. It is the group of the message: SQS brings the questions of quiet accounts before those of an account
    /// that keeps many workers busy.
    pub provider: &'a AskedProvider,
    /// The wait before it comes.
    pub delay: Duration,
}

/// The content of a message.
///
/// ```json
/// {"app":"568a12086e912100017722e5","mode":"test","billNum":"112233","channel":"ali_web","try":"01"}
/// {"app":"568a12086e912100017722e5","mode":"test","billNum":"112233","refundNum":"R-1"}
/// ```
#[derive(Serialize, Deserialize)]
struct Body {
    app: String,
    mode: String,
    #[serde(rename = "billNum")]
    bill: String,
    #[serde(flatten)]
    of: Of,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Of {
    Transaction {
        channel: String,
        #[serde(rename = "try")]
        try_number: String,
    },
    Refund {
        #[serde(rename = "refundNum")]
        num: String,
    },
}

impl Question<'_> {
    /// Reads the body of a message; `None` if it is no question.
    pub fn parse(body: &str) -> Option<AskedAbout> {
        let body: Body = serde_json::from_str(body).ok()?;
        let (app, mode) = (AppId::parse(&body.app).ok()?, Mode::find(&body.mode)?);
        let bill = BillNum::parse(&body.bill).ok()?;
        Some(match body.of {
            Of::Transaction { channel, try_number } => {
                let (channel, try_number) = (Channel::find(&channel)?, TryNumber::parse(&try_number)?);
                AskedAbout::Transaction(TransactionKey { app, mode, bill, channel, try_number })
            }
            Of::Refund { num } => AskedAbout::Refund(RefundKey { app, mode, bill, num: RefundNum::parse(&num)? }),
        })
    }

    pub(crate) fn body(&self) -> Option<String> {
        let (app, mode, bill, of) = match self.about {
            AskedAbout::Transaction(key) => {
                let (channel, try_number) = (key.channel.to_string(), key.try_number.to_string());
                (&key.app, key.mode, &key.bill, Of::Transaction { channel, try_number })
            }
            AskedAbout::Refund(key) => (&key.app, key.mode, &key.bill, Of::Refund { num: key.num.to_string() }),
        };
        let body = Body { app: app.to_string(), mode: mode.to_string(), bill: bill.to_string(), of };
        body_of(&body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(about: AskedAbout, body: &str) {
        let provider = AskedProvider { app: about.app().clone(), mode: Mode::Test, tab: Channel::AliWeb.tab() };
        let question = Question { about: &about, provider: &provider, delay: Duration::ZERO };
        assert_eq!(question.body().as_deref(), Some(body));
        assert_eq!(Question::parse(body), Some(about));
    }

    #[test]
    fn a_question_goes_round() {
        let app = AppId::parse("568a12086e912100017722e5").unwrap();
        let (mode, bill) = (Mode::Test, BillNum::parse("单号 \"1\"").unwrap());
        let try_number = TryNumber::FIRST;
        let key = TransactionKey { app: app.clone(), mode, bill: bill.clone(), channel: Channel::AliWeb, try_number };
        check(
            AskedAbout::Transaction(key),
            r#"{"app":"568a12086e912100017722e5","mode":"test","billNum":"\u5355\u53f7 \"1\"","channel":"ali_web","try":"01"}"#,
        );
        let num = RefundNum::parse("R-1").unwrap();
        check(
            AskedAbout::Refund(RefundKey { app, mode, bill, num }),
            r#"{"app":"568a12086e912100017722e5","mode":"test","billNum":"\u5355\u53f7 \"1\"","refundNum":"R-1"}"#,
        );
    }

    #[test]
    fn what_is_no_question_is_read_as_none() {
        let app = "568a12086e912100017722e5";
        let bodies = [
            "this is no question".to_owned(),
            format!(r#"{{"app":"{app}","mode":"test","billNum":"1"}}"#),
            format!(r#"{{"app":"{app}","mode":"test","billNum":"1","channel":"gold","try":"01"}}"#),
            format!(r#"{{"app":"{app}","mode":"test","billNum":"1","refundNum":""}}"#),
            r#"{"app":"x","mode":"test","billNum":"1","refundNum":"R-1"}"#.to_owned(),
        ];
        for body in bodies {
            assert_eq!(Question::parse(&body), None, "{body}");
        }
    }
}
