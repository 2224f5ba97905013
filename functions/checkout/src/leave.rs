//! `POST /pay/{token}/leave`: the payer goes back to the merchant, with the result as it is now.

use runtime::{Reply, Request};

use crate::{
    Deps, page, result,
    visit::{Look, Visit, locale_of},
};

pub(crate) async fn leave(deps: &Deps, request: &Request, token: &str) -> Reply {
    match Visit::open_and_ask(deps, request, token, Look::Now).await {
        Ok(Some(visit)) => match result::next(&visit) {
            Some(url) => page::forward(&visit, &url),
            None => page::end(&visit),
        },
        Ok(None) => page::unknown(locale_of(request)),
        Err(error) => page::failed(locale_of(request), &error),
    }
}
