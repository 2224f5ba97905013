//! The settings of the tabs `wx_app` and `wx_mp`: every check that can be made without calling WeChat Pay.
//!
//! In v3, WeChat Pay is verified by its public key (`publicKeyId` and `publicKey`), or by its platform certificates
//! (`platformCerts`), or by both while a merchant moves from one to the other. Both are optional: when a message names a
//! certificate that we do not have ([`crate::ProviderError::UnknownKey`], [`crate::NotifyError::UnknownKey`]), the certificates are
//! fetched; they are encrypted with `apiV3Key`. Merchants since autumn 2024 have no certificates, and must give the public key.

use std::sync::Arc;

use base64::Engine as _;
use domain::{Secret, Tab};

use super::{
    apps::WechatApps,
    oauth::{self, Oauth},
    v2::{SignType, V2},
    v3::V3,
    verify::{CERTIFICATES_MAX, Keys, NamedKey, PUBLIC_KEY_ID, is_serial},
};
use crate::{
    ClientCertificate, GatewayPolicy, Given, SettingProblem, SettingsError, cert,
    keys::{BASE64, BUNDLE_BYTES_MAX, KEY_BYTES_MAX, RSA2_BITS_MIN, SigningKey, VerifyingKey},
    settings::{Settings, TEXT_BYTES_MAX},
};

pub(crate) const PRODUCTION: &str = "https://api.mch.weixin.qq.com";
/// The longest `mchid` and `appid`.
const ID_CHARS_MAX: usize = 32;
/// The APIv3 key and the key of v2 both have 32 characters.
const API_KEY_BYTES: usize = 32;
/// A certificate's serial number as WeChat writes it.
const SERIAL_CHARS: usize = 40;
/// An app secret, as WeChat's public platform makes it.
const APP_SECRET_CHARS: usize = 32;
/// `apiclient_cert.p12` is 3 KB.
const PFX_BYTES_MAX: usize = 64 * 1024;

const V3_MEMBERS: &[&str] = &[
    "protocol",
    "mchId",
    "appId",
    "apiV3Key",
    "privateKey",
    "certSerial",
    "publicKeyId",
    "publicKey",
    "platformCerts",
    "gateway",
];
const V2_MEMBERS: &[&str] =
    &["protocol", "mchId", "appId", "apiKey", "signType", "clientPfx", "clientPfxPassword", "gateway"];
/// What only an official account has.
const MP_MEMBERS: &[&str] = &["liteAppId", "appSecret", "oauthPage", "oauthGateway"];

/// `"protocol":"v3"`.
pub(crate) fn v3(tab: Tab, settings: Settings<'_>, policy: GatewayPolicy) -> Result<V3, SettingsError> {
    settings.only(&members(tab, V3_MEMBERS), "v3")?;
    let mch_id = mch_id(settings)?;
    let apps = apps(settings)?;
    let gateway = gateway(settings, policy)?;
    let api_v3_key = api_key(settings, "apiV3Key", "the APIv3 key")?;
    let text = settings.require("privateKey", KEY_BYTES_MAX, "the merchant's private key, apiclient_key.pem")?;
    let key = SigningKey::read(text).map_err(|problem| SettingsError::new("privateKey", problem))?;
    // A key with inconsistent parts fails only when it signs. So test it now and not at a charge.
    if key.sign_sha256(b"").is_none() {
        return Err(SettingsError::new("privateKey", SettingProblem::DoesNotSign));
    }
    let cert_serial = cert_serial(settings)?;
    let mut keys = Keys::new(public_key(settings, key.public())?);
    platform_certificates(settings, &mut keys, key.public(), &cert_serial)?;
    let key = Arc::new(key);
    Ok(V3 { tab, gateway, mch_id, apps, api_v3_key: Secret::new(api_v3_key), cert_serial, key, keys })
}

/// `"protocol":"v2"`.
pub(crate) fn v2(tab: Tab, settings: Settings<'_>, policy: GatewayPolicy) -> Result<V2, SettingsError> {
    settings.only(&members(tab, V2_MEMBERS), "v2")?;
    let mch_id = mch_id(settings)?;
    let apps = apps(settings)?;
    let gateway = gateway(settings, policy)?;
    api_key(settings, "apiKey", "the API key of v2")?;
    let api_key = settings.require("apiKey", TEXT_BYTES_MAX, "the API key of v2")?;
    let sign_type = match settings.require("signType", TEXT_BYTES_MAX, "MD5 or HMAC-SHA256")? {
        "MD5" => SignType::Md5,
        "HMAC-SHA256" => SignType::HmacSha256,
        _ => return Err(SettingsError::new("signType", SettingProblem::SignType)),
    };
    let client = client_certificate(settings, &mch_id)?;
    Ok(V2 { tab, gateway, mch_id, apps, api_key: Secret::new(api_key.to_owned()), sign_type, client })
}

fn mch_id(settings: Settings<'_>) -> Result<String, SettingsError> {
    let text = settings.require("mchId", TEXT_BYTES_MAX, "the merchant's number at WeChat Pay")?;
    if (1..=ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err(SettingsError::new("mchId", SettingProblem::WechatMerchant { digits_max: ID_CHARS_MAX }))
}

/// The web authorisation of an official account, if its app secret is given.
pub(crate) fn oauth(tab: Tab, settings: Settings<'_>, policy: GatewayPolicy) -> Result<Option<Oauth>, SettingsError> {
    const FIELD: &str = "appSecret";
    if tab != Tab::WxMp {
        return Ok(None);
    }
    let Some(secret) = settings.find(FIELD, TEXT_BYTES_MAX)? else {
        let useless = ["oauthPage", "oauthGateway"].into_iter().find(|field| settings.has(field));
        let problem = SettingProblem::UselessWithout { field: FIELD };
        return useless.map_or(Ok(None), |field| Err(SettingsError::new(field, problem)));
    };
    if secret.len() != APP_SECRET_CHARS || !secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(SettingsError::new(FIELD, SettingProblem::WechatAppSecret { chars: APP_SECRET_CHARS }));
    }
    Ok(Some(Oauth {
        app_id: app_id(settings)?,
        app_secret: Secret::new(secret.to_owned()),
        page: base(settings, "oauthPage", oauth::PAGE, policy)?,
        gateway: base(settings, "oauthGateway", oauth::GATEWAY, policy)?,
    }))
}

/// The members that settings of this tab may have.
fn members(tab: Tab, of_protocol: &[&'static str]) -> Vec<&'static str> {
    let more = if tab == Tab::WxMp { MP_MEMBERS } else { &[] };
    [of_protocol, more].concat()
}

fn apps(settings: Settings<'_>) -> Result<WechatApps, SettingsError> {
    let lite = settings.find("liteAppId", TEXT_BYTES_MAX)?;
    let lite = lite.map(|text| check_app_id("liteAppId", text)).transpose()?;
    Ok(WechatApps::new(app_id(settings)?, lite))
}

fn app_id(settings: Settings<'_>) -> Result<String, SettingsError> {
    let text = settings.require("appId", TEXT_BYTES_MAX, "the app's id, wx and more letters and digits")?;
    check_app_id("appId", text)
}

fn check_app_id(field: &'static str, text: &str) -> Result<String, SettingsError> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if text.len() <= ID_CHARS_MAX && text.len() > 2 && text.starts_with("wx") && is_plain {
        return Ok(text.to_owned());
    }
    Err(SettingsError::new(field, SettingProblem::WechatAppId { chars_max: ID_CHARS_MAX }))
}

fn gateway(settings: Settings<'_>, policy: GatewayPolicy) -> Result<String, SettingsError> {
    base(settings, "gateway", PRODUCTION, policy)
}

/// The base address for paths. If a URL library would write it differently, it is refused, because the path is signed.
fn base(
    settings: Settings<'_>,
    field: &'static str,
    usual: &str,
    policy: GatewayPolicy,
) -> Result<String, SettingsError> {
    let gateway = settings.url(field, usual, policy)?;
    let gateway = gateway.trim_end_matches('/');
    let path = gateway.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    let is_plain = |segment: &str| {
        let signs = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !segment.is_empty() && segment.bytes().all(signs) && !segment.bytes().all(|byte| byte == b'.')
    };
    if path.is_empty() || path.split('/').all(is_plain) {
        return Ok(gateway.to_owned());
    }
    Err(SettingsError::new(field, SettingProblem::GatewayPath))
}

/// The 32 bytes of a key that the merchant chose.
fn api_key(settings: Settings<'_>, field: &'static str, what: &str) -> Result<[u8; API_KEY_BYTES], SettingsError> {
    let text = settings.require(field, KEY_BYTES_MAX, &format!("{what}, {API_KEY_BYTES} signs"))?;
    let bytes: Result<[u8; API_KEY_BYTES], _> = text.as_bytes().try_into();
    match bytes {
        Ok(bytes) if bytes.iter().all(u8::is_ascii_graphic) => Ok(bytes),
        Ok(_) => Err(SettingsError::new(field, SettingProblem::ApiKeySigns)),
        Err(_) => {
            let (bytes, found) = (API_KEY_BYTES, text.len());
            Err(SettingsError::new(field, SettingProblem::ApiKeyLength { bytes, found }))
        }
    }
}

fn cert_serial(settings: Settings<'_>) -> Result<String, SettingsError> {
    const FIELD: &str = "certSerial";
    let text = settings.require(FIELD, TEXT_BYTES_MAX, "the serial number of the merchant's certificate")?;
    if text.starts_with(PUBLIC_KEY_ID) {
        return Err(SettingsError::new(FIELD, SettingProblem::IdAsSerial));
    }
    let is_upper_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
    if text.len() == SERIAL_CHARS && is_upper_hex {
        return Ok(text.to_owned());
    }
    Err(SettingsError::new(FIELD, SettingProblem::CertificateSerial { digits: SERIAL_CHARS }))
}

fn public_key(settings: Settings<'_>, own: &VerifyingKey) -> Result<Option<NamedKey>, SettingsError> {
    let id = settings.find("publicKeyId", TEXT_BYTES_MAX)?;
    let text = settings.find("publicKey", KEY_BYTES_MAX)?;
    let (id, text) = match (id, text) {
        (None, None) => return Ok(None),
        (Some(id), Some(text)) => (id, text),
        (Some(_), None) => {
            return Err(SettingsError::new("publicKey", SettingProblem::MissingPublicKey));
        }
        (None, Some(_)) => {
            return Err(SettingsError::new("publicKeyId", SettingProblem::MissingPublicKeyId));
        }
    };
    let number = id.strip_prefix(PUBLIC_KEY_ID);
    if !number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        let problem = if is_serial(id) { SettingProblem::SerialAsId } else { SettingProblem::PublicKeyId };
        return Err(SettingsError::new("publicKeyId", problem));
    }
    let key = VerifyingKey::read(text, RSA2_BITS_MIN).map_err(|problem| {
        // WeChat Pay gives out a certificate or a public key, and both verify.
        let is_certificate = problem == SettingProblem::PublicKeyExpected { given: Given::Certificate };
        let as_key = |problem| SettingProblem::CertificateAsPublicKey { problem: Box::new(problem) };
        SettingsError::new("publicKey", if is_certificate { as_key(problem) } else { problem })
    })?;
    if key == *own {
        return Err(SettingsError::new("publicKey", SettingProblem::OwnKeyAsWechats));
    }
    Ok(Some(NamedKey { id: id.to_owned(), key }))
}

fn platform_certificates(
    settings: Settings<'_>,
    keys: &mut Keys,
    own: &VerifyingKey,
    cert_serial: &str,
) -> Result<(), SettingsError> {
    const FIELD: &str = "platformCerts";
    let refuse = |problem| SettingsError::new(FIELD, problem);
    for text in settings.list(FIELD, CERTIFICATES_MAX, BUNDLE_BYTES_MAX)? {
        let certificates = cert::read_all(text).map_err(|problem| {
            let expected = |given| SettingProblem::CertificateExpected { given };
            let is_key = [Given::PublicKey, Given::OtherPublicKey].map(expected).contains(&problem);
            let as_certificate = |problem| SettingProblem::PublicKeyAsCertificate { problem: Box::new(problem) };
            refuse(if is_key { as_certificate(problem) } else { problem })
        })?;
        for certificate in &certificates {
            if certificate.key.as_ref().is_ok_and(|key| key == own) {
                return Err(refuse(SettingProblem::OwnCertificateAsWechats));
            }
            if certificate.serial == cert_serial {
                return Err(SettingsError::new("certSerial", SettingProblem::WechatsSerial));
            }
            keys.hold(certificate).map_err(refuse)?;
        }
    }
    Ok(())
}

/// The client certificate for refunds of v2. Here it is only passed on: the code that opens the connection reads it.
fn client_certificate(settings: Settings<'_>, mch_id: &str) -> Result<Option<ClientCertificate>, SettingsError> {
    let password = settings.find("clientPfxPassword", TEXT_BYTES_MAX)?;
    let Some(text) = settings.find("clientPfx", PFX_BYTES_MAX)? else {
        return match password {
            None => Ok(None),
            Some(_) => {
                Err(SettingsError::new("clientPfxPassword", SettingProblem::UselessWithout { field: "clientPfx" }))
            }
        };
    };
    let refuse = |problem| Err(SettingsError::new("clientPfx", problem));
    if text.contains("-----BEGIN") {
        return refuse(SettingProblem::P12IsPem);
    }
    let dense: String = text.chars().filter(|sign| !sign.is_whitespace()).collect();
    let Ok(pfx) = BASE64.decode(dense) else { return refuse(SettingProblem::P12NoBase64) };
    // WeChat Pay's own password for the file is the merchant's number.
    let password = password.unwrap_or(mch_id).to_owned();
    Ok(Some(ClientCertificate { pfx: Secret::new(pfx), password: Secret::new(password) }))
}
