//! The settings of the tab `ali`: every check that can be made without calling Alipay.

use super::{
    mapi::{self, Mapi},
    open_platform::{AlipayKey, Certificates, OpenPlatform},
};
use crate::{
    GatewayPolicy, SettingProblem, SettingsError,
    cert::{self, Certificate},
    keys::{
        BUNDLE_BYTES_MAX, KEY_BYTES_MAX, LEGACY_BITS_MIN, LegacySigningKey, RSA2_BITS_MIN, SigningKey, VerifyingKey,
    },
    settings::{Settings, TEXT_BYTES_MAX},
};

pub(crate) const PRODUCTION: &str = "https://openapi.alipay.com/gateway.do";
pub(crate) const MAPI_PRODUCTION: &str = "https://mapi.alipay.com/gateway.do";
/// The longest `app_id`.
const APP_ID_CHARS_MAX: usize = 32;
/// The security key of the legacy interface has 32 characters.
const MD5_KEY_BYTES_MAX: usize = 128;

const OPEN_PLATFORM_MEMBERS: &[&str] = &[
    "protocol",
    "appId",
    "privateKey",
    "alipayPublicKey",
    "appCert",
    "alipayCert",
    "alipayRootCert",
    "sellerId",
    "gateway",
];
const CERTIFICATE_MEMBERS: [&str; 3] = ["appCert", "alipayCert", "alipayRootCert"];
const MAPI_MEMBERS: &[&str] =
    &["protocol", "partner", "sellerId", "md5Key", "privateKey", "alipayPublicKey", "gateway"];

/// `"protocol":"openapi"`.
pub(crate) fn open_platform(settings: Settings<'_>, policy: GatewayPolicy) -> Result<OpenPlatform, SettingsError> {
    settings.only(OPEN_PLATFORM_MEMBERS, "openapi")?;
    let app_id = settings.require("appId", TEXT_BYTES_MAX, "the app's number at the open platform")?;
    if !is_digits(app_id) || app_id.len() > APP_ID_CHARS_MAX {
        return Err(SettingsError::new("appId", SettingProblem::AlipayAppId { digits_max: APP_ID_CHARS_MAX }));
    }
    let seller_id = account_number(settings, "sellerId")?;
    let gateway = settings.gateway(PRODUCTION, policy)?;
    let text = settings.require("privateKey", KEY_BYTES_MAX, "the app's private key")?;
    let key = SigningKey::read(text).map_err(|problem| SettingsError::new("privateKey", problem))?;
    // A key with inconsistent parts fails only when it signs. So test it now and not at a charge.
    if key.sign_sha256(b"").is_none() {
        return Err(SettingsError::new("privateKey", SettingProblem::DoesNotSign));
    }
    let in_certificate_mode = CERTIFICATE_MEMBERS.iter().any(|field| settings.has(field));
    let alipay = match (settings.has("alipayPublicKey"), in_certificate_mode) {
        (true, true) => {
            return Err(SettingsError::new("alipayPublicKey", SettingProblem::KeyBesideCertificates));
        }
        (false, false) => {
            return Err(SettingsError::new("alipayPublicKey", SettingProblem::MissingAlipayKey));
        }
        (true, false) => {
            AlipayKey { keys: vec![alipay_public_key(settings, RSA2_BITS_MIN, key.public())?], certificates: None }
        }
        (false, true) => certificates(settings, &key)?,
    };
    Ok(OpenPlatform { gateway, app_id: app_id.to_owned(), seller_id, key, alipay })
}

/// `"protocol":"mapi"`.
pub(crate) fn mapi(settings: Settings<'_>, policy: GatewayPolicy) -> Result<Mapi, SettingsError> {
    settings.only(MAPI_MEMBERS, "mapi")?;
    let partner = account_number(settings, "partner")?;
    let partner = partner.ok_or_else(|| {
        let what = "the partner's number, 2088 and 12 more digits".to_owned();
        SettingsError::new("partner", SettingProblem::Missing { what })
    })?;
    let seller = match settings.find("sellerId", TEXT_BYTES_MAX)? {
        Some(email) if is_email(email) => email.to_owned(),
        _ => account_number(settings, "sellerId")?.unwrap_or_else(|| partner.clone()),
    };
    let gateway = settings.gateway(MAPI_PRODUCTION, policy)?;
    let md5_key = settings.find("md5Key", MD5_KEY_BYTES_MAX)?;
    if md5_key.is_some_and(|key| !key.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(SettingsError::new("md5Key", SettingProblem::SecurityKey));
    }
    let key = match settings.find("privateKey", KEY_BYTES_MAX)? {
        Some(text) => Some(LegacySigningKey::read(text).map_err(|problem| SettingsError::new("privateKey", problem))?),
        None => None,
    };
    if key.as_ref().is_some_and(|key| key.sign_sha1(b"").is_none()) {
        return Err(SettingsError::new("privateKey", SettingProblem::DoesNotSign));
    }
    if key.is_none() && md5_key.is_none() {
        return Err(SettingsError::new("md5Key", SettingProblem::MissingKeys));
    }
    let alipay_key = match (settings.has("alipayPublicKey"), &key) {
        (true, Some(key)) => Some(alipay_public_key(settings, LEGACY_BITS_MIN, key.public())?),
        (true, None) => {
            return Err(SettingsError::new("alipayPublicKey", SettingProblem::UselessAlipayKey));
        }
        // With md5Key a payment can still be found by a query. Without it, no message of Alipay could be verified.
        (false, Some(_)) if md5_key.is_none() => {
            return Err(SettingsError::new("alipayPublicKey", SettingProblem::MissingVerifier));
        }
        (false, _) => None,
    };
    let md5_key = md5_key.map(|key| domain::Secret::new(key.to_owned()));
    let keys = mapi::Keys { md5_key, key, alipay_key };
    Ok(Mapi { gateway, partner, seller, keys })
}

/// A number of an account at Alipay.
fn account_number(settings: Settings<'_>, field: &'static str) -> Result<Option<String>, SettingsError> {
    let Some(text) = settings.find(field, TEXT_BYTES_MAX)? else { return Ok(None) };
    if text.len() == 16 && text.starts_with("2088") && is_digits(text) {
        return Ok(Some(text.to_owned()));
    }
    Err(SettingsError::new(field, SettingProblem::AlipayAccount))
}

/// An e-mail address, the old kind of account name. This check only has to distinguish it from a number.
fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn alipay_public_key(
    settings: Settings<'_>,
    bits_min: usize,
    own: &VerifyingKey,
) -> Result<VerifyingKey, SettingsError> {
    const FIELD: &str = "alipayPublicKey";
    let text = settings.require(FIELD, KEY_BYTES_MAX, "Alipay's public key")?;
    let key = VerifyingKey::read(text, bits_min).map_err(|problem| SettingsError::new(FIELD, problem))?;
    if key == *own { Err(SettingsError::new(FIELD, SettingProblem::OwnKeyAsAlipays)) } else { Ok(key) }
}

fn certificates(settings: Settings<'_>, key: &SigningKey) -> Result<AlipayKey, SettingsError> {
    let app = certificate_file(settings, "appCert", "the app's certificate")?;
    let alipay = certificate_file(settings, "alipayCert", "Alipay's certificate")?;
    let roots = certificate_file(settings, "alipayRootCert", "Alipay's root certificates")?;
    let app_cert = own_certificate(&app, key)?;
    let alipay_root_cert_sn =
        cert::root_sn(&roots).ok_or_else(|| SettingsError::new("alipayRootCert", SettingProblem::NoRsaRoot))?;
    let alipay = alipay_certificates(&alipay, &roots, key)?;
    // While Alipay changes its certificate, the newer one counts.
    let alipay_end_at = alipay.iter().filter_map(|(certificate, _)| certificate.ends_at).max();
    let certificates = Certificates {
        app_cert_sn: app_cert.sn.clone(),
        alipay_root_cert_sn,
        alipay_cert_sns: alipay.iter().map(|(certificate, _)| certificate.sn.clone()).collect(),
        end_at: [app_cert.ends_at, alipay_end_at].into_iter().flatten().min(),
    };
    let keys = alipay.into_iter().map(|(_, key)| key.clone()).collect();
    Ok(AlipayKey { keys, certificates: Some(certificates) })
}

fn certificate_file(
    settings: Settings<'_>,
    field: &'static str,
    what: &str,
) -> Result<Vec<Certificate>, SettingsError> {
    let what = format!("{what}; certificate mode needs appCert, alipayCert and alipayRootCert");
    let text = settings.require(field, BUNDLE_BYTES_MAX, &what)?;
    cert::read_all(text).map_err(|problem| SettingsError::new(field, problem))
}

/// The app's certificate: the one in the file that belongs to the private key, at any place among its issuers. If two have this
/// key, the newer counts.
fn own_certificate<'a>(file: &'a [Certificate], key: &SigningKey) -> Result<&'a Certificate, SettingsError> {
    const FIELD: &str = "appCert";
    let is_own = |certificate: &&Certificate| certificate.key.as_ref().is_ok_and(|found| found == key.public());
    if let Some(certificate) = file.iter().filter(is_own).max_by_key(|certificate| certificate.ends_at) {
        return Ok(certificate);
    }
    match file.first().map(|first| &first.key) {
        Some(Err(problem)) => {
            Err(SettingsError::new(FIELD, SettingProblem::ItsKey { problem: Box::new(problem.clone()) }))
        }
        Some(Ok(_)) => Err(SettingsError::new(FIELD, SettingProblem::ForeignAppCertificate)),
        None => Err(SettingsError::new(FIELD, SettingProblem::NoCertificate)),
    }
}

/// The certificates that Alipay signs with, each with its key: those in the file that issued no other one in it, in any order. An
/// unusable one is skipped if there is another.
fn alipay_certificates<'a>(
    file: &'a [Certificate],
    roots: &[Certificate],
    own: &SigningKey,
) -> Result<Vec<(&'a Certificate, &'a VerifyingKey)>, SettingsError> {
    let mut usable = Vec::new();
    let mut problem = SettingProblem::NoCertificate;
    // From the last to the first, so that the reported problem is the first one's.
    for certificate in file.iter().filter(|certificate| !certificate.has_issued_one_of(file)).rev() {
        match usable_key(certificate, file, roots, own) {
            Ok(key) => usable.insert(0, (certificate, key)),
            Err(found) => problem = found,
        }
    }
    if usable.is_empty() { Err(SettingsError::new("alipayCert", problem)) } else { Ok(usable) }
}

fn usable_key<'a>(
    certificate: &'a Certificate,
    file: &[Certificate],
    roots: &[Certificate],
    own: &SigningKey,
) -> Result<&'a VerifyingKey, SettingProblem> {
    let its_key = |problem: &SettingProblem| SettingProblem::ItsKey { problem: Box::new(problem.clone()) };
    let key = certificate.key.as_ref().map_err(its_key)?;
    if key == own.public() {
        return Err(SettingProblem::OwnCertificateAsAlipays);
    }
    cert::check_chain(certificate, file, roots).map(|()| key)
}
