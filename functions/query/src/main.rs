//! The Lambda function `query`.

use runtime::Base;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let (base, _) = Base::from_environment()?;
    let deps = query::Deps { base };
    runtime::serve(|request| query::handle(&deps, request)).await
}
