//! To a function: the same JSON as its event, and its result as the verdict.

use bytes::Bytes;
use outbound::{Functions, InvokeError, Invoked};
use serde_json::Value;

use crate::{Answer, AttemptProblem, AttemptResult, DEADLINE, Request, Verdict, WebhookMessage, beginning};

pub(crate) async fn bring(functions: &Functions, name: &str, message: &WebhookMessage) -> AttemptResult {
    let request = Request { target: name.to_owned(), headers: Vec::new() };
    match functions.invoke(name, Bytes::from(message.body.clone()), DEADLINE).await {
        Ok(invoked) => judge(request, &invoked),
        Err(error) => {
            let (verdict, problem) = match error {
                InvokeError::Missing => (Verdict::FunctionMissing, AttemptProblem::Missing),
                InvokeError::Denied => (Verdict::FunctionDenied, AttemptProblem::Denied),
                InvokeError::Throttled => (Verdict::FunctionThrottled, AttemptProblem::Throttled),
                InvokeError::Deadline { deadline } => {
                    (Verdict::Deadline, AttemptProblem::NoResult { seconds: deadline.as_secs() })
                }
                InvokeError::Failed { code: None, .. } => (Verdict::FunctionFailed, AttemptProblem::NotInvoked),
                InvokeError::Failed { code: Some(code), .. } => {
                    (Verdict::FunctionFailed, AttemptProblem::NotInvokedBecause { code })
                }
            };
            AttemptResult::failed(request, verdict, problem)
        }
    }
}

/// Received means: it did not fail, and its result has no `statusCode`, or 200.
fn judge(request: Request, invoked: &Invoked) -> AttemptResult {
    let code =
        serde_json::from_slice::<Value>(&invoked.payload).ok().and_then(|result| result.get("statusCode").cloned());
    let status = code.as_ref().and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let (verdict, problem) = match (&invoked.function_error, &code) {
        (Some(error), _) => (Verdict::FunctionError, Some(AttemptProblem::FunctionError { kind: error.clone() })),
        (None, None) => (Verdict::Received, None),
        (None, Some(_)) if status == Some(200) => (Verdict::Received, None),
        (None, Some(code)) => (Verdict::Status, Some(AttemptProblem::StatusCode { found: code.to_string() })),
    };
    let answer = Answer { status, headers: Vec::new(), body: beginning(&invoked.payload) };
    AttemptResult { request, answer, verdict, problem, retry_after: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn a_result_is_judged() {
        use Verdict::{FunctionError, Received, Status};
        const CASES: &[(Option<&str>, &str, Verdict, Option<u16>)] = &[
            (None,              "",                                     Received,      None),
            (None,              "null",                                 Received,      None),
            (None,              "\"done\"",                             Received,      None),
            (None,              "not json",                             Received,      None),
            (None,              r#"{"statusCode":200}"#,                Received,      Some(200)),
            (None,              r#"{"statusCode":200,"body":"x"}"#,     Received,      Some(200)),
            (None,              r#"{"statusCode":204}"#,                Status,        Some(204)),
            (None,              r#"{"statusCode":500}"#,                Status,        Some(500)),
            (None,              r#"{"statusCode":"200"}"#,              Status,        None),
            (None,              r#"{"statusCode":null}"#,               Status,        None),
            (Some("Unhandled"), r#"{"errorMessage":"x"}"#,              FunctionError, None),
            (Some("Handled"),   r#"{"statusCode":200}"#,                FunctionError, Some(200)),
        ];
        for (error, payload, verdict, status) in CASES {
            let invoked = Invoked { payload: Bytes::from_static(payload.as_bytes()), function_error: error.map(str::to_owned) };
            let tried = judge(Request::default(), &invoked);
            assert_eq!((tried.verdict, tried.answer.status), (*verdict, *status), "{payload}");
            assert_eq!(tried.problem.is_none(), *verdict == Received, "{payload}");
        }
    }
}
