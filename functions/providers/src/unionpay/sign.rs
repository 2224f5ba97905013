//! The signed content, the same in requests, answers and notifies.

use std::collections::BTreeMap;

use base64::Engine as _;
use ring::digest::{SHA256, digest};

use crate::{
    NotifyError, ProviderError, SettingProblem,
    cert::hex,
    form::{self, Parameters, joined},
    keys::{BASE64, SigningKey},
};

/// `signMethod` of RSA with a certificate.
pub(crate) const RSA: &str = "01";
pub(crate) const SIGNATURE: &str = "signature";

/// The fields of a message of UnionPay that have a value.
#[derive(Debug)]
pub(crate) struct Fields(form::Fields);

impl Fields {
    /// Drops the empty fields, as UnionPay's own receivers do before they verify. A field with a blank is not empty. The rest is
    /// read in the charset that the message names.
    pub(crate) fn read(mut fields: BTreeMap<Vec<u8>, Vec<u8>>) -> Result<Self, NotifyError> {
        fields.retain(|_, value| !value.is_empty());
        let charset = form::charset(&fields, &["encoding"])?;
        form::Fields::read(fields, charset).map(Self).map_err(NotifyError::from)
    }

    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.0.find(name)
    }

    pub(crate) fn require(&self, name: &str) -> Result<&str, NotifyError> {
        self.find(name).ok_or_else(|| NotifyError::missing(name))
    }

    /// The signed text: every field except the signature itself.
    pub(crate) fn content(&self) -> Vec<u8> {
        self.0.content(|name, _| name != SIGNATURE.as_bytes())
    }

    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter()
    }
}

/// The text that RSA signs instead of the content: its SHA-256 as 64 characters of lower-case hex.
pub(crate) fn digest_text(content: impl AsRef<[u8]>) -> String {
    hex(digest(&SHA256, content.as_ref()).as_ref())
}

/// The signed content of a request: the fields, trimmed, without the blank ones and the signature.
pub(crate) fn request_content(parameters: &Parameters<'_>) -> String {
    joined(parameters.iter().map(|(key, value)| (*key, value.as_str())))
}

/// Adds `certId`, drops the blank fields, trims the others, and adds the signature.
pub(crate) fn signed<'a>(
    mut parameters: Parameters<'a>,
    cert_id: &str,
    key: &SigningKey,
) -> Result<Parameters<'a>, ProviderError> {
    parameters.insert("certId", cert_id.to_owned());
    let mut parameters: Parameters<'a> = parameters
        .into_iter()
        .map(|(name, value)| (name, value.trim().to_owned()))
        .filter(|(name, value)| *name != SIGNATURE && !value.is_empty())
        .collect();
    let signature = key.sign_sha256(digest_text(request_content(&parameters)).as_bytes());
    let signature = signature.ok_or(ProviderError::Key { field: "pfx", problem: SettingProblem::SignsNot })?;
    parameters.insert(SIGNATURE, BASE64.encode(signature));
    Ok(parameters)
}
