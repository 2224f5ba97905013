//! The Lambda function `query`.

use outbound::Outbound;
use queue::Queue;
use runtime::Base;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let (base, clients) = Base::from_environment()?;
    let queue = Queue::new(move || clients.sqs(), base.config.queues.clone());
    let outbound = Outbound::guarded(base.config.targets.clone())?;
    let deps = query::Deps { base, queue, outbound, recent: query::Recent::default() };
    runtime::serve(|request| query::handle(&deps, request)).await
}
