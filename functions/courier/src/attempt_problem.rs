//! Why a try did not bring a message to its target.

use domain::Unanswered;

domain::sentences! {
    /// Why a try failed, for people.
    pub enum AttemptProblem, AttemptProblemKind {
        Unfetched { days: u64 } = "attempt-unfetched": "nobody fetched and acknowledged it within {days} days";
        // URLs.
        Redirect { status: u16 } = "attempt-redirect": "HTTP {status}: redirects are not followed";
        Status { status: u16 } = "attempt-status": "HTTP {status}; only 200 means received";
        Url { why: String } = "attempt-url": "the URL cannot be used: {why}";
        Unanswered { why: Unanswered } = "attempt-unanswered": "{why}";
        // Functions.
        StatusCode { found: String } = "attempt-status-code": "statusCode {found}; only 200 means received";
        FunctionError { kind: String } = "attempt-function-error": "the function failed ({kind})";
        Missing = "attempt-missing": "there is no such function";
        Denied = "attempt-denied": "the function cannot be invoked: the deployment does not allow its name";
        Throttled = "attempt-throttled": "the function was throttled";
        NoResult { seconds: u64 } = "attempt-no-result": "there was no result within {seconds} s";
        NotInvoked = "attempt-not-invoked": "the function could not be invoked";
        NotInvokedBecause { code: String } = "attempt-not-invoked-because": "the function could not be invoked ({code})";
    }
}
