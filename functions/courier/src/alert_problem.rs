//! Why an alert did not arrive.

use domain::Unanswered;

domain::sentences! {
    /// Why an alert did not arrive, for people.
    pub enum AlertProblem, AlertProblemKind {
        Refused { code: String, words: String } = "alert-refused": "refused with {code}: {words}";
        Status { status: u16 } = "alert-status": "HTTP {status}";
        Unclear = "alert-unclear": "the answer is none of a robot";
        Address = "alert-address": "the address or the secret cannot be used";
        Unanswered { why: Unanswered } = "alert-unanswered": "{why}";
        Topic { code: String } = "alert-topic": "SNS refused with {code}; the deployment must allow the name of the topic, and the key of the topic must allow the deployment";
        NoTopic = "alert-no-topic": "SNS was not reached";
    }
}
