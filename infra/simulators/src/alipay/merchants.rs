//! The simulator's merchants, with their keys.
//!
//! The built-in ones use the throwaway keys under `infra/simulators/keys/alipay`, which are public; tests add others.

use serde_json::{Value, json};

use crate::kit::crypto::{
    CryptoError, Sha1Signer, Sha1Verifier, Sha256Signer, Sha256Verifier, bare_base64, cert_sn, root_cert_sn,
};

const OPENAPI_APP_PRIVATE: &str = include_str!("../../keys/alipay/openapi/app_private.pem");
const OPENAPI_APP_PUBLIC: &str = include_str!("../../keys/alipay/openapi/app_public.pem");
const OPENAPI_ALIPAY_PRIVATE: &str = include_str!("../../keys/alipay/openapi/alipay_private.pem");
const OPENAPI_ALIPAY_PUBLIC: &str = include_str!("../../keys/alipay/openapi/alipay_public.pem");
const CERT_APP_PRIVATE: &str = include_str!("../../keys/alipay/openapi-cert/app_private.pem");
const CERT_APP: &str = include_str!("../../keys/alipay/openapi-cert/app_cert.crt");
const CERT_ALIPAY_PRIVATE: &str = include_str!("../../keys/alipay/openapi-cert/alipay_private.pem");
const CERT_ALIPAY: &str = include_str!("../../keys/alipay/openapi-cert/alipay_cert.crt");
const CERT_ROOT: &str = include_str!("../../keys/alipay/openapi-cert/alipay_root.crt");
const MAPI_MD5_KEY: &str = include_str!("../../keys/alipay/mapi/md5.key");
const MAPI_MERCHANT_PRIVATE: &str = include_str!("../../keys/alipay/mapi/merchant_private.pem");
const MAPI_MERCHANT_PUBLIC: &str = include_str!("../../keys/alipay/mapi/merchant_public.pem");
const MAPI_ALIPAY_PRIVATE: &str = include_str!("../../keys/alipay/mapi/alipay_private.pem");
const MAPI_ALIPAY_PUBLIC: &str = include_str!("../../keys/alipay/mapi/alipay_public.pem");
const OTHER_PRIVATE: &str = include_str!("../../keys/other_private.pem");

const OPENAPI_APP_ID: &str = "2021000000000001";
const OPENAPI_SELLER: &str = "2088000000000001";
const CERT_APP_ID: &str = "2021000000000002";
const CERT_SELLER: &str = "2088000000000002";
const MAPI_PARTNER: &str = "2088000000000003";

/// An application of the open platform.
pub(super) struct OpenApp {
    pub(super) app_id: String,
    pub(super) seller_id: String,
    pub(super) name: String,
    /// The registered key that verifies the application's requests.
    pub(super) app_key: Sha256Verifier,
    pub(super) alipay_key: Sha256Signer,
    /// Present in certificate mode.
    pub(super) certificates: Option<CertificateNumbers>,
}

/// The numbers in requests and answers of certificate mode.
pub(super) struct CertificateNumbers {
    pub(super) app: String,
    pub(super) alipay: String,
    pub(super) root: String,
}

/// A partner of the legacy gateway.
pub(super) struct MapiPartner {
    pub(super) partner: String,
    pub(super) name: String,
    pub(super) md5_key: String,
    pub(super) merchant_key: Sha1Verifier,
    pub(super) alipay_key: Sha1Signer,
}

/// All merchants, and a key that belongs to nobody.
pub(super) struct Merchants {
    pub(super) apps: Vec<OpenApp>,
    pub(super) partners: Vec<MapiPartner>,
    /// Signs notifies that must be refused.
    pub(super) other: Sha256Signer,
    pub(super) other_legacy: Sha1Signer,
}

impl Merchants {
    pub(super) fn built_in() -> Result<Self, CryptoError> {
        Ok(Self {
            apps: vec![
                OpenApp {
                    app_id: OPENAPI_APP_ID.to_owned(),
                    seller_id: OPENAPI_SELLER.to_owned(),
                    name: "模拟商户 Key Mode".to_owned(),
                    app_key: Sha256Verifier::from_pem(OPENAPI_APP_PUBLIC)?,
                    alipay_key: Sha256Signer::from_pem(OPENAPI_ALIPAY_PRIVATE)?,
                    certificates: None,
                },
                OpenApp {
                    app_id: CERT_APP_ID.to_owned(),
                    seller_id: CERT_SELLER.to_owned(),
                    name: "模拟商户 Certificate Mode".to_owned(),
                    app_key: Sha256Verifier::from_certificate(CERT_APP)?,
                    alipay_key: Sha256Signer::from_pem(CERT_ALIPAY_PRIVATE)?,
                    certificates: Some(CertificateNumbers {
                        app: cert_sn(CERT_APP)?,
                        alipay: cert_sn(CERT_ALIPAY)?,
                        root: root_cert_sn(CERT_ROOT)?,
                    }),
                },
            ],
            partners: vec![MapiPartner {
                partner: MAPI_PARTNER.to_owned(),
                name: "模拟商户 MAPI".to_owned(),
                md5_key: MAPI_MD5_KEY.trim().to_owned(),
                merchant_key: Sha1Verifier::from_pem(MAPI_MERCHANT_PUBLIC)?,
                alipay_key: Sha1Signer::from_pem(MAPI_ALIPAY_PRIVATE)?,
            }],
            other: Sha256Signer::from_pem(OTHER_PRIVATE)?,
            other_legacy: Sha1Signer::from_pem(OTHER_PRIVATE)?,
        })
    }

    pub(super) fn app(&self, app_id: &str) -> Option<&OpenApp> {
        self.apps.iter().find(|app| app.app_id == app_id)
    }

    pub(super) fn partner(&self, partner: &str) -> Option<&MapiPartner> {
        self.partners.iter().find(|known| known.partner == partner)
    }

    /// The name shown on the cashier.
    pub(super) fn name_of<'a>(&'a self, merchant: &'a str) -> &'a str {
        self.app(merchant)
            .map(|app| app.name.as_str())
            .or_else(|| self.partner(merchant).map(|partner| partner.name.as_str()))
            .unwrap_or(merchant)
    }
}

/// The channel settings that a merchant pastes into the gateway; keys in the bare form that Alipay's key tool shows.
pub(super) fn settings(base_url: &str) -> Value {
    let gateway = format!("{base_url}/simulator/alipay/gateway.do");
    json!({
        "openapi": {
            "protocol": "openapi",
            "appId": OPENAPI_APP_ID,
            "privateKey": bare_base64(OPENAPI_APP_PRIVATE),
            "alipayPublicKey": bare_base64(OPENAPI_ALIPAY_PUBLIC),
            "sellerId": OPENAPI_SELLER,
            "gateway": gateway,
        },
        "openapiCert": {
            "protocol": "openapi",
            "appId": CERT_APP_ID,
            "privateKey": bare_base64(CERT_APP_PRIVATE),
            "appCert": CERT_APP,
            "alipayCert": CERT_ALIPAY,
            "alipayRootCert": CERT_ROOT,
            "sellerId": CERT_SELLER,
            "gateway": gateway,
        },
        "mapi": {
            "protocol": "mapi",
            "partner": MAPI_PARTNER,
            "sellerId": MAPI_PARTNER,
            "md5Key": MAPI_MD5_KEY.trim(),
            "privateKey": bare_base64(MAPI_MERCHANT_PRIVATE),
            "alipayPublicKey": bare_base64(MAPI_ALIPAY_PUBLIC),
            "gateway": format!("{base_url}/simulator/alipay/mapi/gateway.do"),
        },
    })
}
