//! The Lambda function `sweep`.

use outbound::Outbound;
use queue::Queue;
use runtime::Deployment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let Deployment { services, clients } = Deployment::from_environment()?;
    let queue = Queue::new(move || clients.sqs(), services.config.queues.clone());
    let deps = sweep::Deps { outbound: Outbound::guarded(services.config.targets.clone())?, services, queue };
    runtime::serve_events(|tick: sweep::Tick| sweep::run(&deps, tick)).await
}
