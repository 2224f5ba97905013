//! The Lambda function `ask`.

use ask::LeftAlone;
use outbound::Outbound;
use queue::Queue;
use runtime::Deployment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let Deployment { services, clients } = Deployment::from_environment()?;
    let queue = Queue::new(move || clients.sqs(), services.config.queues.clone());
    let outbound = Outbound::guarded(services.config.targets.clone())?;
    let settlement = settlement::Deps { services, queue, outbound };
    let deps = ask::Deps { settlement, left_alone: LeftAlone::default() };
    runtime::serve_events(|batch| ask::handle(&deps, batch)).await
}
