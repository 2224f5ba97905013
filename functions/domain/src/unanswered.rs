//! Why a call over HTTP got no answer. The caller knows the reason; the list is here because several crates call.

crate::sentences! {
    /// Why there is no answer.
    pub enum Unanswered, UnansweredKind {
        Client = "unanswered-client": "the http client could not be built";
        Forbidden { address: String } = "unanswered-forbidden": "{address} is not a public address";
        Connect = "unanswered-connect": "no connection was made";
        Broken = "unanswered-broken": "the connection broke before the answer was complete";
        Deadline { seconds: u64 } = "unanswered-deadline": "there was no complete answer within {seconds} s";
        TooLong { bytes_max: usize } = "unanswered-too-long": "the answer is longer than {bytes_max} bytes";
    }
}
