//! The Lambda function `admin`.

use courier::Courier;
use outbound::{Functions, Outbound};
use queue::Queue;
use runtime::Base;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let (base, clients) = Base::from_environment()?;
    let for_lambda = clients.clone();
    let queue = Queue::new(move || clients.sqs(), base.config.queues.clone());
    let outbound = Outbound::guarded(base.config.targets.clone())?;
    let courier = Courier { outbound: outbound.clone(), functions: Functions::new(move || for_lambda.lambda()) };
    let deps = admin::Deps { base, queue, outbound, courier };
    runtime::serve(|request| admin::handle(&deps, request)).await
}
