//! The client certificate that a request is sent with.

use domain::{Secret, Timestamp};

use crate::{
    ProviderError, cert,
    pfx::{self, OpenedCertificate, PfxError},
};

/// An extension of [`http::Request`]: the provider requires a client certificate for this request (WeChat Pay's refunds of v2).
/// Without it the provider closes the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The PKCS#12 file, certificate and private key, as bytes.
    pub pfx: Secret<Vec<u8>>,
    /// Its password.
    pub password: Secret<String>,
}

impl ClientCertificate {
    /// When it expires. `None` if the file does not open: the refund that needs it reports why.
    pub(crate) fn ends_at(&self) -> Option<Timestamp> {
        let opened = self.open().ok()?;
        cert::read_one(opened.chain.first()?).ok()?.ends_at
    }

    /// Opens the file.
    ///
    /// # Errors
    /// [`ProviderError::Key`] says what is wrong with the file or its password.
    pub fn open(&self) -> Result<OpenedCertificate, ProviderError> {
        pfx::open(self.pfx.expose(), self.password.expose()).map_err(|error| match error {
            PfxError::Password(problem) => ProviderError::Key { field: "clientPfxPassword", problem },
            PfxError::File(problem) => ProviderError::Key { field: "clientPfx", problem },
        })
    }
}
