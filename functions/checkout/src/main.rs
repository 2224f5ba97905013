//! The Lambda function `checkout`.

use outbound::Outbound;
use queue::Queue;
use runtime::Deployment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let Deployment { services, clients } = Deployment::from_environment()?;
    let queue = Queue::new(move || clients.sqs(), services.config.queues.clone());
    let outbound = Outbound::guarded(services.config.targets.clone())?;
    let deps = checkout::Deps::new(services, queue, outbound);
    runtime::serve(|request| checkout::handle(&deps, request)).await
}
