//! A question to a provider: asked, and its answer read.

use bytes::Bytes;
use http::{Request, Response};
use outbound::{Bounds, Outbound};
use providers::{Account, Moment, ProviderError};

use crate::{AccountKey, ApiError, Base, ConfiguredApp};

/// Who asks whom, and what that may take.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The app.
    pub configured: &'a ConfiguredApp,
    /// Which account of the app.
    pub key: AccountKey,
    /// The account as it is known by now.
    pub account: &'a Account,
    /// The way to the provider.
    pub outbound: &'a Outbound,
    /// What the exchange may take.
    pub bounds: Bounds,
    /// When it is asked.
    pub moment: &'a Moment,
}

impl Base {
    /// Sends a call and reads its answer, if need be with certificates that the provider has only begun to sign with.
    ///
    /// # Errors
    /// [`ApiError`]: there is no answer, or none that can be believed.
    pub async fn ask<T>(
        &self,
        question: &Question<'_>,
        call: Request<Bytes>,
        read: impl Fn(&Account, &Response<Bytes>) -> Result<T, ProviderError>,
    ) -> Result<(Response<Bytes>, T), ApiError> {
        let Question { configured, key, account, outbound, bounds, moment } = *question;
        let answer = self.ask_provider(outbound, key.channel, call, bounds).await?;
        let told = match read(account, &answer) {
            Err(ProviderError::UnknownKey { serial }) => {
                let renewed = self.apps.renew(configured, key, outbound, moment).await;
                read(&*renewed.ok_or(ProviderError::UnknownKey { serial })?, &answer)?
            }
            read => read?,
        };
        Ok((answer, told))
    }
}
