//! The Lambda function `deliver`.

use courier::Courier;
use outbound::{Functions, Outbound};
use queue::Queue;
use runtime::Deployment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let Deployment { services, clients } = Deployment::from_environment()?;
    let for_lambda = clients.clone();
    let queue = Queue::new(move || clients.sqs(), services.config.queues.clone());
    let outbound = Outbound::guarded(services.config.targets.clone())?;
    let courier = Courier { outbound, functions: Functions::new(move || for_lambda.lambda()) };
    let deps = deliver::Deps { services, queue, courier };
    runtime::serve_events(|batch| deliver::handle(&deps, batch)).await
}
