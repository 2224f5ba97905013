//! The Lambda function `charge`.

use outbound::Outbound;
use runtime::Base;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let (base, _) = Base::from_environment()?;
    let outbound = Outbound::guarded(base.config.targets.clone())?;
    let deps = charge::Deps { base, outbound, client_counts: charge::ClientCounts::default() };
    runtime::serve(|request| charge::handle(&deps, request)).await
}
