//! The Lambda function `admin`.

use runtime::Base;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let (base, _) = Base::from_environment()?;
    let deps = admin::Deps { base };
    runtime::serve(|request| admin::handle(&deps, request)).await
}
