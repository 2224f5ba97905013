//! The Lambda function `provider-notify`.

use outbound::Outbound;
use queue::Queue;
use runtime::Deployment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let Deployment { services, clients } = Deployment::from_environment()?;
    let queue = Queue::new(move || clients.sqs(), services.config.queues.clone());
    let deps = provider_notify::Deps { outbound: Outbound::guarded(services.config.targets.clone())?, services, queue };
    runtime::serve(|request| provider_notify::handle(&deps, request)).await
}
