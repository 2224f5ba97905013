//! Asks a provider a question, and reads the answer.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use outbound::{Bounds, Outbound};
use providers::{Account, AnswerRetry, Moment, ProviderError};

use crate::{AccountKey, ApiError, ConfiguredApp, Fetch, Renewed, Services};

/// How long a question waits for the certificate that its answer is signed with.
const PATIENCE: Duration = Duration::from_secs(4);

/// A question: the account, the way to the provider, and the bounds.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The app.
    pub configured: &'a ConfiguredApp,
    /// The account of the app.
    pub key: AccountKey,
    /// The account, with the certificates that are known now.
    pub account: &'a Account,
    /// The way to the provider.
    pub outbound: &'a Outbound,
    /// The bounds of the exchange.
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
    /// Sends a call and reads its answer. If the answer is signed with a certificate that is not known here, the certificate is fetched
    /// first.
    ///
    /// # Errors
    /// [`ApiError`]: there is no answer, or it cannot be trusted.
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
                // A nonce signs only one message.
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
