//! The settings of the tabs `unipay_app` and `unipay_web`: every check that can be made without calling UnionPay.

use domain::{Channel, Tab, Timestamp};

use super::{Account, trust::Trust};
use crate::{
    GatewayPolicy, SettingProblem, SettingsError,
    cert::{self, Certificate},
    keys::BUNDLE_BYTES_MAX,
    pfx::{self, Identity, PFX_TEXT_BYTES_MAX, PfxError},
    settings::{Settings, TEXT_BYTES_MAX},
};

pub(crate) const PRODUCTION: &str = "https://gateway.95516.com/gateway/api";
/// The owner of the certificates that UnionPay signs with; its test environment has another.
const UNIONPAY: &str = "中国银联股份有限公司";
const MER_ID_CHARS: usize = 15;
const MEMBERS: &[&str] =
    &["protocol", "merId", "pfx", "pfxPassword", "rootCert", "middleCert", "cn", "gateway", "fileGateway"];

pub(crate) fn open(tab: Tab, settings: Settings<'_>, policy: GatewayPolicy) -> Result<Account, SettingsError> {
    let channel = match tab {
        Tab::UnipayApp => Channel::UnipayApp,
        Tab::UnipayWeb => Channel::UnipayWeb,
        Tab::Ali | Tab::WxApp | Tab::WxMp => {
            return Err(SettingsError::new("protocol", SettingProblem::ForeignTab { tab: tab.to_string() }));
        }
    };
    match settings.find("protocol", TEXT_BYTES_MAX)? {
        None => {}
        Some("simulator") => {
            return Err(SettingsError::new("protocol", SettingProblem::SimulatorNotHere));
        }
        Some(_) => {
            return Err(SettingsError::new("protocol", SettingProblem::UnionpayProtocol));
        }
    }
    settings.only(MEMBERS, "ACP 5.1.0")?;
    let mer_id = settings.require("merId", TEXT_BYTES_MAX, "the merchant's number at UnionPay")?;
    if mer_id.len() != MER_ID_CHARS || !mer_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(SettingsError::new("merId", SettingProblem::UnionpayMerchant { chars: MER_ID_CHARS }));
    }
    let gateway = gateway(settings, policy)?;
    let identity = identity(settings)?;
    let roots = certificates(settings, "rootCert", "CFCA's root certificate, acp_prod_root.cer")?;
    let middles = certificates(settings, "middleCert", "CFCA's intermediate certificate, acp_prod_middle.cer")?;
    check_chain(&roots, &middles)?;
    let owner = settings.find("cn", TEXT_BYTES_MAX)?.unwrap_or(UNIONPAY);
    if owner.contains('@') {
        return Err(SettingsError::new("cn", SettingProblem::CommonName));
    }
    // While CFCA changes a file, the newer certificate counts.
    let last = |certificates: &[Certificate]| certificates.iter().filter_map(|cert| cert.ends_at).max();
    let ends: [Option<Timestamp>; 3] = [identity.certificate.ends_at, last(&roots), last(&middles)];
    Ok(Account {
        channel,
        mer_id: mer_id.to_owned(),
        file_gateway: settings.url("fileGateway", &file_gateway_of(&gateway), policy)?,
        gateway,
        key: Box::new(identity.key),
        cert_id: identity.certificate.serial_decimal,
        certificates_end_at: ends.into_iter().flatten().min(),
        trust: Trust::new(&roots, middles, owner.to_owned()),
    })
}

/// The base address of the methods, without a slash at the end.
fn gateway(settings: Settings<'_>, policy: GatewayPolicy) -> Result<String, SettingsError> {
    let gateway = settings.gateway(PRODUCTION, policy)?;
    if gateway.ends_with(".do") {
        return Err(SettingsError::new("gateway", SettingProblem::GatewayMethod { example: PRODUCTION }));
    }
    Ok(gateway.trim_end_matches('/').to_owned())
}

/// The default address of the files: for UnionPay's own gateways a host of its own, for any other gateway the gateway's host.
pub(crate) fn file_gateway_of(gateway: &str) -> String {
    let (scheme, rest) = gateway.split_once("://").unwrap_or(("https", gateway));
    let authority = rest.split('/').next().unwrap_or_default();
    let beside = authority.strip_prefix("gateway.").filter(|domain| domain.ends_with("95516.com"));
    beside.map_or_else(|| format!("{scheme}://{authority}/"), |domain| format!("{scheme}://filedownload.{domain}/"))
}

fn identity(settings: Settings<'_>) -> Result<Identity, SettingsError> {
    let text = settings.require("pfx", PFX_TEXT_BYTES_MAX, "the merchant's PFX file in base64")?;
    let password = settings.require("pfxPassword", TEXT_BYTES_MAX, "the password of the PFX file")?;
    let identity = pfx::read(text, password).map_err(|error| match error {
        PfxError::Password(problem) => SettingsError::new("pfxPassword", problem),
        PfxError::File(problem) => SettingsError::new("pfx", problem),
    })?;
    // A key with inconsistent parts fails only when it signs. So test it now and not at a charge.
    if identity.key.sign_sha256(b"").is_none() {
        return Err(SettingsError::new("pfx", SettingProblem::PfxDoesNotSign));
    }
    Ok(identity)
}

fn certificates(settings: Settings<'_>, field: &'static str, what: &str) -> Result<Vec<Certificate>, SettingsError> {
    let text = settings.require(field, BUNDLE_BYTES_MAX, what)?;
    let certificates = cert::read_all(text).map_err(|problem| SettingsError::new(field, problem))?;
    for certificate in &certificates {
        if let Err(problem) = &certificate.key {
            let problem = Box::new(problem.clone());
            return Err(SettingsError::new(field, SettingProblem::ItsKey { problem }));
        }
        if !certificate.may_issue {
            return Err(SettingsError::new(field, SettingProblem::NoAuthority));
        }
    }
    Ok(certificates)
}

/// Every intermediate certificate must be issued by a root; this also finds the two swapped. The dates are checked with each
/// message.
fn check_chain(roots: &[Certificate], middles: &[Certificate]) -> Result<(), SettingsError> {
    if middles.iter().any(Certificate::is_self_issued) {
        return Err(SettingsError::new("middleCert", SettingProblem::IsRoot));
    }
    if !roots.iter().all(Certificate::is_self_issued) {
        return Err(SettingsError::new("rootCert", SettingProblem::IsMiddle));
    }
    if roots.iter().any(|root| !root.is_issued_by(root)) {
        return Err(SettingsError::new("rootCert", SettingProblem::RootDamaged));
    }
    if middles.iter().all(|middle| roots.iter().any(|root| middle.is_issued_by(root))) {
        return Ok(());
    }
    Err(SettingsError::new("middleCert", SettingProblem::NotIssuedByRoot))
}
