//! A question to a provider: asked, and its answer read.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use outbound::{Bounds, Outbound};
use providers::{Account, AnswerRetry, Moment, ProviderError};

use crate::{AccountKey, ApiError, ConfiguredApp, Fetch, Renewed, Services};

/// How long a question waits for the certificate that its answer is signed with.
const PATIENCE: Duration = Duration::from_secs(4);

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

/// What a provider answered.
#[derive(Debug)]
pub struct ProviderAnswer<T> {
    /// The message as it arrived.
    pub response: Response<Bytes>,
    /// What was read from it.
    pub content: T,
}

impl Services {
    /// Sends a call and reads its answer, if need be with certificates that the provider has only begun to sign with.
    ///
    /// # Errors
    /// [`ApiError`]: there is no answer, or none that can be believed.
    pub async fn ask<T>(
        &self,
        question: &Question<'_>,
        call: Request<Bytes>,
        read: impl Fn(&Account, &Response<Bytes>) -> Result<T, ProviderError>,
    ) -> Result<ProviderAnswer<T>, ApiError> {
        let Question { configured, key, account, outbound, bounds, moment } = *question;
        let response = self.ask_provider(outbound, key.channel, call, bounds).await?;
        let content = match read(account, &response) {
            Ok(content) => content,
            Err(error) if error.retryable() == AnswerRetry::WithCertificate => {
                // A nonce signs one message.
                let moment = Moment { now: moment.now, nonce: self.random.nonce()? };
                let fetch = Fetch { outbound, moment: &moment, patience: PATIENCE };
                match self.apps.renew(configured, key, &fetch).await {
                    Renewed::Account(renewed) => read(&renewed, &response)?,
                    Renewed::Nothing | Renewed::Late => return Err(error.into()),
                }
            }
            Err(error) => return Err(error.into()),
        };
        Ok(ProviderAnswer { response, content })
    }
}
