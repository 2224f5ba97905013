//! The Lambda function `admin`.

use courier::Courier;
use outbound::{Functions, Outbound};
use queue::Queue;
use runtime::Deployment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let Deployment { services, clients } = Deployment::from_environment()?;
    let for_lambda = clients.clone();
    let queue = Queue::new(move || clients.sqs(), services.config.queues.clone());
    let outbound = Outbound::guarded(services.config.targets.clone())?;
    let courier = Courier { outbound: outbound.clone(), functions: Functions::new(move || for_lambda.lambda()) };
    let deps = admin::Deps { services, queue, outbound, courier };
    runtime::serve(|request| admin::handle(&deps, request)).await
}
