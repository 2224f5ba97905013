//! The session of an operator who signed in, and the mark of a browser in which an operator signed in. Each is sealed in a cookie, so that
//! no instance of the function has to store it.
//!
//! A session ends after twelve hours. It ends at once when the operator signs out, or when the password, role or state of the operator
//! changes, because each call compares its epoch with the operator's. The mark lasts until the password changes. It does not sign anyone
//! in. It only protects this browser from being slowed down by strangers' tries.

use std::time::Duration;

use domain::{Operator, OperatorName, Timestamp};
use http::HeaderMap;
use ring::digest::{SHA256, digest};
use runtime::{Config, Random, Services, find_cookie};
use subtle::ConstantTimeEq;

use super::sealed::{self, Purpose};
use crate::api::problem::Problem;

/// A working day.
const LASTS: Duration = Duration::from_secs(12 * 3600);
/// Long enough to find the phone.
const TICKET_LASTS: Duration = Duration::from_secs(5 * 60);
/// Browsers keep a cookie no longer than this.
const BROWSER_KNOWN: Duration = Duration::from_secs(400 * 24 * 3600);

/// A session: who signed in, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) name: OperatorName,
    /// The operator's epoch at the sign-in.
    pub(crate) epoch: i64,
    /// The token in every form of this session.
    pub(crate) csrf: String,
    pub(crate) ends_at: Timestamp,
}

impl Session {
    pub(crate) fn begin(name: OperatorName, epoch: i64, now: Timestamp, random: &Random) -> Result<Self, Problem> {
        Ok(Self { name, epoch, csrf: random.text::<24>()?, ends_at: now.plus(LASTS) })
    }

    /// The session in the cookie, if we sealed it and it has not ended.
    pub(crate) fn read(headers: &HeaderMap, config: &Config, now: Timestamp) -> Option<Self> {
        let cookie = find_cookie(headers, cookie_name(config))?;
        let [name, epoch, csrf, ends_ms] = sealed::open(config, Purpose::Session, cookie)?;
        let session =
            Self { name: OperatorName::parse(&name)?, epoch: epoch.parse().ok()?, csrf, ends_at: moment(&ends_ms)? };
        (now < session.ends_at).then_some(session)
    }

    /// The cookie that contains the session.
    pub(crate) fn cookie(&self, services: &Services) -> Result<String, Problem> {
        let (epoch, ends_ms) = (self.epoch.to_string(), self.ends_at.ms().to_string());
        let value = sealed::seal(services, Purpose::Session, &[self.name.as_str(), &epoch, &self.csrf, &ends_ms])?;
        Ok(cookie(&services.config, cookie_name(&services.config), &value, LASTS))
    }

    /// The cookie that removes the session.
    pub(crate) fn end(config: &Config) -> String {
        cookie(config, cookie_name(config), "", Duration::ZERO)
    }

    /// Whether a form was made for this session. Compares in constant time.
    pub(crate) fn made(&self, csrf: &str) -> bool {
        self.csrf.as_bytes().ct_eq(csrf.as_bytes()).into()
    }
}

/// A browser in which an operator signed in with the present password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownBrowser {
    pub(crate) id: String,
}

impl KnownBrowser {
    pub(crate) fn new(random: &Random) -> Result<Self, Problem> {
        Ok(Self { id: random.text::<16>()? })
    }

    /// The browser, if its mark is for this operator and the operator's present password.
    pub(crate) fn read(headers: &HeaderMap, config: &Config, operator: &Operator, now: Timestamp) -> Option<Self> {
        let cookie = find_cookie(headers, &browser_cookie_name(config, &operator.name))?;
        let [name, password, id, ends_ms] = sealed::open(config, Purpose::Device, cookie)?;
        let fits = name == operator.name.as_str() && password == fingerprint(operator) && now < moment(&ends_ms)?;
        fits.then_some(Self { id })
    }

    /// The cookie that contains the mark.
    pub(crate) fn cookie(&self, services: &Services, operator: &Operator, now: Timestamp) -> Result<String, Problem> {
        let ends_ms = now.plus(BROWSER_KNOWN).ms().to_string();
        let lines = [operator.name.as_str(), &fingerprint(operator), &self.id, &ends_ms];
        let value = sealed::seal(services, Purpose::Device, &lines)?;
        Ok(cookie(&services.config, &browser_cookie_name(&services.config, &operator.name), &value, BROWSER_KNOWN))
    }
}

/// An operator who has just given the right password. This does not sign them in: the code is still missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) name: OperatorName,
    password: String,
}

impl Ticket {
    pub(crate) fn seal(services: &Services, operator: &Operator, now: Timestamp) -> Result<String, Problem> {
        let ends_ms = now.plus(TICKET_LASTS).ms().to_string();
        sealed::seal(services, Purpose::Ticket, &[operator.name.as_str(), &fingerprint(operator), &ends_ms])
    }

    pub(crate) fn read(config: &Config, sealed: &str, now: Timestamp) -> Option<Self> {
        let [name, password, ends_ms] = sealed::open(config, Purpose::Ticket, sealed)?;
        let ticket = Self { name: OperatorName::parse(&name)?, password };
        (now < moment(&ends_ms)?).then_some(ticket)
    }

    /// Whether the operator and the password are still the same.
    pub(crate) fn fits(&self, operator: &Operator) -> bool {
        operator.enabled && self.name == operator.name && self.password == fingerprint(operator)
    }
}

/// Stands for the present password. It is made of the hash, which has its own salt, so that the same password set again counts as a new
/// one.
fn fingerprint(operator: &Operator) -> String {
    short_digest(operator.password_hash.expose())
}

fn short_digest(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn moment(ms: &str) -> Option<Timestamp> {
    Timestamp::from_ms(ms.parse().ok()?).ok()
}

fn cookie(config: &Config, name: &str, value: &str, lasts: Duration) -> String {
    let (secure, seconds) = (secure(config), lasts.as_secs());
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

/// With https the name has a prefix. Then no other host, and no page loaded over http, can set a cookie of this name.
fn cookie_name(config: &Config) -> &'static str {
    if is_https(config) { "__Host-maxpay" } else { "maxpay_console" }
}

/// Each operator has an own cookie, because several operators may share a browser.
fn browser_cookie_name(config: &Config, name: &OperatorName) -> String {
    format!("{}_known_{}", cookie_name(config), short_digest(name.as_str()))
}

/// The attribute that keeps cookies on https, if https is used.
pub(crate) fn secure(config: &Config) -> &'static str {
    if is_https(config) { "; Secure" } else { "" }
}

fn is_https(config: &Config) -> bool {
    config.public_url.starts_with("https://")
}
