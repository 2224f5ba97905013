//! The Lambda function `charge`.

use outbound::Outbound;
use runtime::Deployment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let Deployment { services, .. } = Deployment::from_environment()?;
    let outbound = Outbound::guarded(services.config.targets.clone())?;
    let deps = charge::Deps { services, outbound, client_counts: charge::ClientCounts::default() };
    runtime::serve(|request| charge::handle(&deps, request)).await
}
