//! Whether a message is from UnionPay: its certificate chain is followed up to the configured certificates, then its signature is
//! verified.
//!
//! The chain is checked by hand, because CFCA signs it by SHA-1, which no library accepts now. Other checks for chains of strangers
//! (policies, name constraints, revocation lists) are not made: the upper two certificates are configured.

use base64::Engine as _;
use domain::Timestamp;

use super::sign::{self, Fields, SIGNATURE};
use crate::{
    MessageProblem, NotifyError, TrustProblem,
    cert::{self, Certificate},
    error::words,
    keys::BASE64,
};

/// The field that holds the certificate.
const CERTIFICATE: &str = "signPubKeyCert";
/// A certificate is 1.5 KB.
const CERTIFICATE_BYTES_MAX: usize = 8 * 1024;

/// The certificates that are trusted.
#[derive(Debug)]
pub(crate) struct Trust {
    /// `middleCert`: several while CFCA changes it.
    middles: Vec<Middle>,
    /// The required third part of the certificate's common name: CFCA's other customers have equally valid chains.
    owner: String,
}

/// A `middleCert` with the certificates of `rootCert` that issued it. They are found once, not for each message.
#[derive(Debug)]
struct Middle {
    certificate: Certificate,
    roots: Vec<Certificate>,
}

impl Trust {
    /// `rootCert` may contain several certificates while CFCA changes it; so may `middleCert`.
    pub(crate) fn new(roots: &[Certificate], middles: Vec<Certificate>, owner: String) -> Self {
        let with_roots = |certificate: Certificate| {
            let roots = roots.iter().filter(|root| certificate.is_issued_by(root)).cloned().collect();
            Middle { certificate, roots }
        };
        Self { middles: middles.into_iter().map(with_roots).collect(), owner }
    }

    /// Verifies a message, in UnionPay's order: the certificate's dates, its chain, its owner, then the signature.
    pub(crate) fn verify(&self, fields: &Fields, now: Timestamp) -> Result<(), NotifyError> {
        let signature = fields.find(SIGNATURE).ok_or(NotifyError::Unsigned)?;
        let method = fields.find("signMethod").unwrap_or_default();
        if method != sign::RSA {
            return Err(NotifyError::Algorithm { found: words(method), expected: sign::RSA });
        }
        let untrusted = |problem| NotifyError::Untrusted { problem };
        let certificate = certificate(fields.require(CERTIFICATE)?).map_err(untrusted)?;
        self.check_dates_and_chain(&certificate, now).map_err(untrusted)?;
        self.check_owner(&certificate).map_err(untrusted)?;
        let key =
            certificate.key.as_ref().map_err(|problem| untrusted(TrustProblem::Unfit { problem: problem.clone() }))?;
        let signature = BASE64
            .decode(signature)
            .map_err(|_| NotifyError::from(MessageProblem::NotBase64 { field: SIGNATURE.to_owned() }))?;
        let verified = key.verify_sha256(sign::digest_text(fields.content()).as_bytes(), &signature);
        verified.map_err(|_| NotifyError::BadSignature { field: CERTIFICATE })
    }

    fn check_dates_and_chain(&self, certificate: &Certificate, now: Timestamp) -> Result<(), TrustProblem> {
        if !certificate.is_valid_at(now) {
            return Err(TrustProblem::NotValid { at: now });
        }
        let mut problem = TrustProblem::NotIssued;
        for middle in self.middles.iter().filter(|middle| certificate.is_issued_by(&middle.certificate)) {
            if !middle.certificate.is_valid_at(now) {
                problem = TrustProblem::MiddleNotValid { at: now };
            } else if middle.roots.iter().any(|root| root.is_valid_at(now)) {
                return Ok(());
            } else {
                problem = TrustProblem::RootNotValid { at: now };
            }
        }
        Err(problem)
    }

    /// UnionPay's common name reads `041@Z12@中国银联股份有限公司@00000001`.
    fn check_owner(&self, certificate: &Certificate) -> Result<(), TrustProblem> {
        let [name] = certificate.common_names.as_slice() else {
            return Err(TrustProblem::CommonNames { count: certificate.common_names.len() });
        };
        let owner = name.split('@').nth(2).unwrap_or_default();
        if owner == self.owner {
            return Ok(());
        }
        Err(TrustProblem::OtherOwner { found: words(owner), expected: self.owner.clone() })
    }
}

/// The certificate in a message: PEM, with CRLF line ends.
fn certificate(text: &str) -> Result<Certificate, TrustProblem> {
    if text.len() > CERTIFICATE_BYTES_MAX {
        return Err(TrustProblem::TooLong { bytes_max: CERTIFICATE_BYTES_MAX });
    }
    let mut certificates = cert::read_all(text).map_err(|problem| TrustProblem::Unfit { problem })?;
    match (certificates.pop(), certificates.len()) {
        (Some(certificate), 0) => Ok(certificate),
        (_, more) => Err(TrustProblem::Several { count: more + 1 }),
    }
}
