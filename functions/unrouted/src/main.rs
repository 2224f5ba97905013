//! The Lambda function `unrouted`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::log_as_json();
    runtime::serve(|request| std::future::ready(unrouted::handle(&request))).await
}
