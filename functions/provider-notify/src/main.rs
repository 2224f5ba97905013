//! The Lambda function `provider-notify`.

use outbound::Outbound;
use queue::Queue;
use runtime::Base;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let (base, clients) = Base::from_environment()?;
    let queue = Queue::new(move || clients.sqs(), base.config.queues.clone());
    let deps = provider_notify::Deps { outbound: Outbound::guarded(base.config.targets.clone())?, base, queue };
    runtime::serve(|request| provider_notify::handle(&deps, request)).await
}
