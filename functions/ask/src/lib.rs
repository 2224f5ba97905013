//! Queries providers about bills whose end is not known, and about pending refunds. A bill that is closed here alone counts among them.
//!
//! A message is a hint: it names a bill or refund that was due, and is dropped if the row is no longer due. Each question is claimed
//! first, by moving the time at which the row is due; so of several messages one asks. After a lost message, or a stop before that write,
//! the sweep hands the question out again a minute later. After a stop that follows the write, the question is asked at its next time. So
//! only a message that is not a question is given back.

mod bills;
mod left_alone;
mod refunds;

use std::{panic::AssertUnwindSafe, time::Duration};

use domain::AskedAbout;
use futures_util::{FutureExt, future::join_all};
use queue::Question;
use runtime::{ApiError, Batch, Failure, Failures, error_chain};
use tokio::time::timeout;
use tracing::{error, warn};

pub use crate::left_alone::LeftAlone;

/// What asking needs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Deps {
    /// What settles the answers.
    pub settlement: settlement::Deps,
    /// Whom this instance leaves alone for a while.
    pub left_alone: LeftAlone,
}

/// The longest time of a batch, whose questions are asked all at once. The longest is a bill's whose time is over: it is asked about,
/// closed and asked about once more, each within [`settlement::ASKING_BOUNDS`], and some reads and writes lie between. What takes longer is
/// cut off as by a kill, and asked again at its next time.
pub const LONGEST: Duration = Duration::from_secs(25);

/// Answers a batch: all its questions at once.
pub async fn handle(deps: &Deps, batch: Batch) -> Failures {
    let answers = batch.records.into_iter().map(async |message| {
        let Some(about) = Question::parse(&message.body) else {
            // It comes again until the queue puts it with the dead letters, where a person finds it.
            error!(message.id = message.message_id, "this message is no question");
            return Some(Failure { item_identifier: message.message_id });
        };
        answer(deps, &about).await;
        None
    });
    Failures { batch_item_failures: join_all(answers).await.into_iter().flatten().collect() }
}

async fn answer(deps: &Deps, about: &AskedAbout) {
    let bill = about.bill();
    // A panic would end the whole batch. Here it ends its own question only.
    match timeout(LONGEST, AssertUnwindSafe(look(deps, about)).catch_unwind()).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => {
            warn!(app.id = %about.app(), bill.num = bill, "bill {bill} stays as it is: {}", error_chain(&error));
        }
        Ok(Err(_)) => error!(app.id = %about.app(), bill.num = bill, "a question about bill {bill} panicked"),
        Err(_) => {
            let seconds = LONGEST.as_secs();
            error!(app.id = %about.app(), bill.num = bill, "a question about bill {bill} took longer than {seconds} s");
        }
    }
}

async fn look(deps: &Deps, about: &AskedAbout) -> Result<(), ApiError> {
    // Boxed: what follows is nested deeply, and a batch has ten of them.
    match about {
        AskedAbout::Transaction(key) => Box::pin(bills::look(deps, key)).await,
        AskedAbout::Refund(key) => Box::pin(refunds::look(deps, key)).await,
    }
}
