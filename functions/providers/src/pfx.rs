//! Reads a merchant's PFX (PKCS#12): the private key and its certificate. They sign UnionPay's messages and are the client
//! certificate of WeChat Pay's refunds of v2.
//!
//! Both kinds are read: those of UnionPay's download page (3DES and RC2-40 by passwords, SHA-1), and those that openssl makes now
//! (PBES2 with AES, SHA-256). If PBES2 names no hash, it is SHA-1; node-forge and the JDK make such files.

use domain::Secret;
use p12_keystore::{Pkcs12Archive, error::Error};
use x509_parser::asn1_rs::Oid;

use crate::{
    Given, SettingProblem,
    cert::{self, Certificate},
    keys::{Kind, SigningKey, blocks, decode, identify},
};

/// A file with its whole chain is five kilobytes.
const PFX_BYTES_MAX: usize = 32 * 1024;
/// The longest file as a text in base64, with line breaks.
pub(crate) const PFX_TEXT_BYTES_MAX: usize = 48 * 1024;

/// The key that signs, and its certificate.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) key: SigningKey,
    pub(crate) certificate: Certificate,
}

/// The opened file of a client certificate, each part as DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedCertificate {
    /// The certificates, the merchant's own first.
    pub chain: Vec<Vec<u8>>,
    /// Its private key.
    pub key: Secret<Vec<u8>>,
}

/// Why a PFX cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PfxError {
    /// The password is wrong.
    Password(SettingProblem),
    /// Something else is wrong with it.
    File(SettingProblem),
}

/// Reads a PFX in base64.
pub(crate) fn read(text: &str, password: &str) -> Result<Identity, PfxError> {
    if text.contains("-----BEGIN") {
        let called = blocks(text, PFX_TEXT_BYTES_MAX).ok().and_then(|blocks| blocks.first().map(|der| called(der)));
        let given = called.unwrap_or(Given::Pem);
        return Err(PfxError::File(SettingProblem::PfxInBase64Expected { given }));
    }
    let der = decode(text).ok_or(PfxError::File(SettingProblem::NoBase64))?;
    if der.len() > PFX_BYTES_MAX {
        return Err(PfxError::File(SettingProblem::TooLong { bytes_max: PFX_BYTES_MAX }));
    }
    match identify(&der) {
        Kind::Unknown => {}
        other @ (Kind::RsaPrivate { .. }
        | Kind::OtherPrivate
        | Kind::EncryptedPrivate
        | Kind::RsaPublic(_)
        | Kind::OtherPublic
        | Kind::Certificate) => return Err(PfxError::File(SettingProblem::PfxExpected { given: other.called() })),
    }
    // The old kind encodes passwords in UTF-16 without surrogates.
    if password.chars().any(|sign| u32::from(sign) > 0xffff) {
        return Err(PfxError::Password(SettingProblem::PfxPasswordSigns));
    }
    let archive = Pkcs12Archive::from_pkcs12(&der, password).map_err(|error| problem(&error, &der))?;
    let key = match archive.keys.as_slice() {
        [key] => SigningKey::from_der(key.key.as_der()).map_err(in_it)?,
        [] => return Err(PfxError::File(SettingProblem::NoPrivateKey)),
        keys => return Err(PfxError::File(SettingProblem::SeveralPrivateKeys { count: keys.len() })),
    };
    let certificates = archive.certs.iter().filter_map(|bag| cert::read_one(bag.cert.as_der()).ok());
    let certificate = certificates.into_iter().find(|cert| cert.key.as_ref() == Ok(key.public()));
    let certificate = certificate.ok_or(PfxError::File(SettingProblem::NoOwnCertificate))?;
    Ok(Identity { key, certificate })
}

/// Opens a PFX for a connection.
pub(crate) fn open(der: &[u8], password: &str) -> Result<OpenedCertificate, PfxError> {
    let archive = Pkcs12Archive::from_pkcs12(der, password).map_err(|error| problem(&error, der))?;
    let [key] = archive.keys.as_slice() else { return Err(PfxError::File(SettingProblem::OnePrivateKey)) };
    let signing = SigningKey::from_der(key.key.as_der()).map_err(in_it)?;
    let is_own = |der: &[u8]| cert::read_one(der).is_ok_and(|cert| cert.key.as_ref() == Ok(signing.public()));
    let (own, others): (Vec<_>, Vec<_>) =
        archive.certs.iter().map(|bag| bag.cert.as_der()).partition(|der| is_own(der));
    let own = own.first().ok_or(PfxError::File(SettingProblem::NoOwnCertificate))?;
    let chain = std::iter::once(own).chain(&others).map(|der| der.to_vec()).collect();
    Ok(OpenedCertificate { chain, key: Secret::new(key.key.as_der().to_vec()) })
}

fn called(der: &[u8]) -> Given {
    identify(der).called()
}

fn in_it(problem: SettingProblem) -> PfxError {
    PfxError::File(SettingProblem::ItsPrivateKey { problem: Box::new(problem) })
}

/// Algorithms that some PFX files use and that are not read here. Other algorithms are reported by their number, if the reader
/// knows it.
#[rustfmt::skip]
const UNREAD: &[(&[u64], &str)] = &[
    (&[1, 2, 840, 113_549, 1, 12, 1, 1],         "RC4-128"),
    (&[1, 2, 840, 113_549, 1, 12, 1, 2],         "RC4-40"),
    (&[1, 2, 840, 113_549, 1, 12, 1, 4],         "two-key 3DES"),
    (&[1, 2, 840, 113_549, 1, 12, 1, 5],         "RC2-128"),
    (&[1, 2, 840, 113_549, 1, 5, 3],             "DES with MD5"),
    (&[1, 2, 840, 113_549, 1, 5, 10],            "DES with SHA-1"),
    (&[1, 2, 840, 113_549, 1, 5, 11],            "RC2 with SHA-1"),
    (&[1, 2, 840, 113_549, 1, 5, 14],            "PBMAC1"),
    (&[1, 2, 840, 113_549, 3, 2],                "RC2"),
    (&[1, 3, 14, 3, 2, 7],                       "DES"),
    (&[1, 2, 392, 200_011, 61, 1, 1, 1, 2],      "Camellia-128"),
    (&[1, 2, 392, 200_011, 61, 1, 1, 1, 3],      "Camellia-192"),
    (&[1, 2, 392, 200_011, 61, 1, 1, 1, 4],      "Camellia-256"),
    (&[1, 2, 410, 200_004, 1, 4],                "SEED"),
    (&[1, 2, 156, 10_197, 1, 104, 2],            "SM4"),
    (&[1, 2, 156, 10_197, 1, 401],               "SM3"),
    (&[1, 2, 840, 113_549, 2, 5],                "MD5"),
];

/// The reader's error in words for the operator. If there is no MAC, a wrong password shows in the padding.
fn problem(error: &Error, der: &[u8]) -> PfxError {
    match error {
        Error::MacError(_) | Error::UnpadError => PfxError::Password(WRONG_PASSWORD),
        Error::Pkcs5Error(words) => {
            number_in(words).map_or(PfxError::Password(WRONG_PASSWORD), |number| protected_by(&name_of(&number)))
        }
        Error::UnsupportedEncryptionScheme | Error::UnsupportedMacAlgorithm | Error::InvalidParameters => unread(der),
        Error::DerError(error) => {
            number_in(&error.to_string()).map_or_else(damaged, |number| protected_by(&name_of(&number)))
        }
        Error::IoError(_)
        | Error::InvalidVersion
        | Error::UnsupportedContentType
        | Error::UnsupportedCertificateType
        | Error::X509Error(_)
        | Error::InvalidLength
        | Error::InvalidData
        | Error::InvalidPrivateKey => damaged(),
    }
}

const WRONG_PASSWORD: SettingProblem = SettingProblem::PfxPassword;

fn damaged() -> PfxError {
    PfxError::File(SettingProblem::PfxDamaged)
}

fn protected_by(algorithm: &str) -> PfxError {
    PfxError::File(SettingProblem::ProtectedWith { algorithm: algorithm.to_owned() })
}

/// The reader does not name the algorithm that it cannot read. But the names of algorithms are not encrypted in the file, so the
/// first unsupported one is the reason.
fn unread(der: &[u8]) -> PfxError {
    let stands_there = |oid: &Oid<'_>| der.windows(oid.as_bytes().len()).any(|part| part == oid.as_bytes());
    let known = UNREAD.iter().filter_map(|(oid, name)| Some((Oid::from(oid).ok()?, name)));
    let found = known.into_iter().find(|(oid, _)| stands_there(oid));
    found.map_or_else(|| PfxError::File(SettingProblem::PfxEncryption), |(_, name)| protected_by(name))
}

/// The number of an algorithm in the reader's words: `PKCS#5 algorithm 1.2.840.113549.2.7 is unsupported`.
fn number_in(words: &str) -> Option<String> {
    let is_number =
        |word: &&str| word.matches('.').count() >= 3 && word.split('.').all(|part| part.parse::<u64>().is_ok());
    words.split([' ', ':', ',', '"', '(', ')']).find(is_number).map(str::to_owned)
}

fn name_of(number: &str) -> String {
    let is_it = |oid: &[u64]| Oid::from(oid).is_ok_and(|oid| oid.to_id_string() == number);
    let name = UNREAD.iter().find(|(oid, _)| is_it(oid)).map(|(_, name)| *name);
    name.unwrap_or(number).to_owned()
}
