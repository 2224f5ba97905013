//! The Lambda function `sweep`.

use outbound::Outbound;
use queue::Queue;
use runtime::Base;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let (base, clients) = Base::from_environment()?;
    let queue = Queue::new(move || clients.sqs(), base.config.queues.clone());
    let deps = sweep::Deps { outbound: Outbound::guarded(base.config.targets.clone())?, base, queue };
    runtime::serve_events(|tick: sweep::Tick| sweep::run(&deps, tick)).await
}
