//! The Lambda function `ask`.

use ask::LeftAlone;
use outbound::Outbound;
use queue::Queue;
use runtime::Base;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let (base, clients) = Base::from_environment()?;
    let queue = Queue::new(move || clients.sqs(), base.config.queues.clone());
    let outbound = Outbound::guarded(base.config.targets.clone())?;
    let settlement = settlement::Deps { base, queue, outbound };
    let deps = ask::Deps { settlement, left_alone: LeftAlone::default() };
    runtime::serve_events(|batch| ask::handle(&deps, batch)).await
}
