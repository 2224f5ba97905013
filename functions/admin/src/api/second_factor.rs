//! The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes if the app is lost.
//!
//! No code counts twice. The secret is stored sealed. Of a recovery code only the hash is stored.

use domain::{Operator, OperatorName, SecondFactor, Secret, Timestamp};
use fast_qr::{ECL, QRBuilder};
use http::StatusCode;
use ring::digest::{SHA256, digest};
use runtime::{Random, Reply, json};
use serde_json::{Map, Value};
use store::{OperatorChange, StoreError};
use subtle::ConstantTimeEq;
use totp_rs::{Builder, Totp};
use tracing::{error, info};

use super::{call::Call, operators, problem::Problem, wrong::Wrong};
use crate::deps::Deps;

/// What RFC 4226 recommends: 160 bits.
const SECRET_BYTES: usize = 20;
/// They fill a page. Each can be used for one sign-in.
const RECOVERY_CODES: usize = 10;
/// The white border of a QR code, in modules. Cameras do not read the code without it.
const QUIET_ZONE: usize = 4;
/// What authenticator apps show above the code.
const ISSUER: &str = "MaxPay";

/// Which kind of code it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// A code of the authenticator app.
    Totp,
    /// A recovery code. It is now used up.
    Recovery,
}

/// A new secret, as authenticator apps take it: base32.
pub(crate) fn new_secret(random: &Random) -> Result<String, Problem> {
    Ok(totp_rs::Secret::new_stack(random.bytes::<SECRET_BYTES>()?).to_base32())
}

/// A QR code, ready to be drawn as SVG.
pub(crate) struct QrCode {
    /// How many modules a side has, including the quiet zone.
    pub(crate) side: usize,
    /// The dark modules, as a path.
    pub(crate) path: String,
}

/// The secret as a QR code that authenticator apps read.
pub(crate) fn qr_code(name: &OperatorName, secret: &str) -> Result<QrCode, Problem> {
    draw(&format!("otpauth://totp/{ISSUER}:{name}?secret={secret}&issuer={ISSUER}"))
}

/// The QR code of an address.
pub(crate) fn draw(url: &str) -> Result<QrCode, Problem> {
    let Ok(code) = QRBuilder::new(url).ecl(ECL::M).build() else {
        error!("a QR code could not be made");
        return Err(Problem::internal());
    };
    let size = code.size.max(1);
    let dark = code.data.iter().take(size * size).enumerate().filter(|(_, module)| module.value());
    let path = dark.map(|(at, _)| format!("M{} {}h1v1h-1z", at % size + QUIET_ZONE, at / size + QUIET_ZONE));
    Ok(QrCode { side: size + 2 * QUIET_ZONE, path: path.collect() })
}

/// `PUT /operators/{name}/second-factor {"secret","code","presentPassword"}`. Only for oneself: a code proves that the authenticator app
/// has the secret. The recovery codes are shown only this once. Earlier sessions end.
pub(crate) async fn enrol(call: &Call<'_>, name: OperatorName) -> Result<Reply, Problem> {
    if call.who.operator.as_ref() != Some(&name) {
        return Err(Problem::conflict(Wrong::FactorByOneself));
    }
    let body = call.object()?;
    let secret = totp_rs::Secret::try_from_base32(text(&body, "secret")).ok();
    let secret = secret.map(|secret| secret.as_bytes().to_vec()).filter(|secret| secret.len() == SECRET_BYTES);
    let secret = secret.ok_or_else(|| Problem::field("secret", Wrong::FactorSecret))?;
    operators::prove(call, &name, &body).await?;
    let step = totp(&secret).check(&typed(text(&body, "code")), seconds(call.now));
    let step = step.and_then(|step| i64::try_from(step).ok());
    let last_step = step.ok_or_else(|| Problem::field("code", Wrong::FactorCode))?;
    let codes = recovery_codes(&call.deps.services.random)?;
    let recovery = codes.iter().map(|code| hash(code)).collect();
    let factor = SecondFactor { secret: Secret::new(secret), recovery, last_step };
    let after = change(call, &name, Some(&factor)).await?;
    info!(operator.name = %name, "operator {name} set up a second factor");
    let mut shown = operators::show(&after);
    if let Some(members) = shown.as_object_mut() {
        members.insert("recoveryCodes".to_owned(), codes.into());
    }
    Ok(json(StatusCode::OK, &shown))
}

/// `DELETE /operators/{name}/second-factor {"presentPassword"?}`: removes the second factor, and ends the operator's sessions. For one's
/// own account the present password is required.
pub(crate) async fn reset(call: &Call<'_>, name: OperatorName) -> Result<Reply, Problem> {
    if call.who.operator.as_ref() == Some(&name) {
        operators::prove(call, &name, &call.object()?).await?;
    }
    let after = change(call, &name, None).await?;
    info!(operator.name = %name, "the second factor of operator {name} was reset");
    Ok(json(StatusCode::OK, &operators::show(&after)))
}

async fn change(call: &Call<'_>, name: &OperatorName, factor: Option<&SecondFactor>) -> Result<Operator, Problem> {
    let changed = call.deps.services.store.change_operator(name, |before| Operator {
        second_factor: factor.cloned(),
        epoch: before.epoch.saturating_add(1),
        ..before
    });
    match changed.await {
        Ok(OperatorChange { after, .. }) => Ok(after),
        Err(StoreError::Stale { .. }) => Err(Problem::not_found("operator")),
        Err(error) => Err(error.into()),
    }
}

/// Takes a code of either kind, and marks it as used. If two calls bring the same code at once, one of them succeeds. `None` if the code is
/// wrong or was used before.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn take(
    deps: &Deps,
    operator: &Operator,
    code: &str,
    now: Timestamp,
) -> Result<Option<Taken>, StoreError> {
    let Some(factor) = &operator.second_factor else { return Ok(None) };
    let code = typed(code);
    let step = totp(factor.secret.expose()).check(&code, seconds(now)).and_then(|step| i64::try_from(step).ok());
    let hashed = hash(&code);
    let same = |kept: &&String| bool::from(kept.as_bytes().ct_eq(hashed.as_bytes()));
    let (taken, spent) = match (step, factor.recovery.iter().find(same)) {
        (Some(step), _) => (Taken::Totp, Spent::Step(step)),
        (None, Some(kept)) => (Taken::Recovery, Spent::Recovery(kept.clone())),
        (None, None) => return Ok(None),
    };
    let changed = deps.services.store.change_operator(&operator.name, |before| Operator {
        second_factor: before.second_factor.clone().map(|factor| spent.of(factor)),
        ..before
    });
    let OperatorChange { before, .. } = changed.await?;
    let is_fresh =
        before.second_factor.as_ref().is_some_and(|before| before.secret == factor.secret && spent.is_fresh(before));
    Ok(is_fresh.then_some(taken))
}

/// What a code uses up.
enum Spent {
    Step(i64),
    Recovery(String),
}

impl Spent {
    fn is_fresh(&self, factor: &SecondFactor) -> bool {
        match self {
            Self::Step(step) => *step > factor.last_step,
            Self::Recovery(hash) => factor.recovery.contains(hash),
        }
    }

    fn of(&self, factor: SecondFactor) -> SecondFactor {
        match self {
            Self::Step(step) => SecondFactor { last_step: factor.last_step.max(*step), ..factor },
            Self::Recovery(hash) => {
                let recovery = factor.recovery.into_iter().filter(|kept| kept != hash).collect();
                SecondFactor { recovery, ..factor }
            }
        }
    }
}

/// The parameters of every authenticator app: SHA-1, six digits, thirty seconds; one step earlier or later is accepted.
fn totp(secret: &[u8]) -> Totp {
    Builder::new().with_secret(totp_rs::Secret::new(secret.into())).with_skew(1).build_noncompliant()
}

fn seconds(now: Timestamp) -> u64 {
    u64::try_from(now.seconds()).unwrap_or_default()
}

/// `abcd-efgh-ijkl-mnop`: 80 bits each.
fn recovery_codes(random: &Random) -> Result<Vec<String>, Problem> {
    let code = |_| {
        let letters = totp_rs::Secret::new(Box::new(random.bytes::<10>()?)).to_base32().to_lowercase();
        let letters: Vec<char> = letters.chars().collect();
        Ok(letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join("-"))
    };
    (0..RECOVERY_CODES).map(code).collect()
}

/// The codes have enough entropy, so a fast hash is safe.
fn hash(code: &str) -> String {
    digest(&SHA256, typed(code).as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A code without the spaces and dashes that make it easier to read.
fn typed(code: &str) -> String {
    const CHARS_MAX: usize = 64;
    let kept = code.chars().filter(|c| !c.is_whitespace() && *c != '-');
    kept.take(CHARS_MAX).flat_map(char::to_lowercase).collect()
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> &'a str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the secret `12345678901234567890`, SHA-1; the last six of its eight digits.
    #[test]
    #[rustfmt::skip]
    fn codes_are_those_of_the_standard() {
        const CASES: &[(u64, &str)] = &[
            (59,             "287082"),
            (1_111_111_109,  "081804"),
            (1_111_111_111,  "050471"),
            (1_234_567_890,  "005924"),
            (2_000_000_000,  "279037"),
        ];
        for (second, code) in CASES {
            let totp = totp(b"12345678901234567890");
            assert_eq!(totp.check(code, *second), Some(second / 30), "{second}");
            assert_eq!(totp.check(code, second + 30), Some(second / 30), "a step late");
            assert_eq!(totp.check(code, second + 90), None, "three steps late");
        }
    }

    #[test]
    fn a_code_is_spent_once() {
        let factor =
            SecondFactor { secret: Secret::new(vec![1; 20]), recovery: vec![hash("a"), hash("b")], last_step: 7 };
        assert!(
            Spent::Step(8).is_fresh(&factor) && !Spent::Step(7).is_fresh(&factor) && !Spent::Step(6).is_fresh(&factor)
        );
        let spent = Spent::Recovery(hash("A-"));
        assert!(spent.is_fresh(&factor) && !spent.is_fresh(&spent.of(factor.clone())));
        assert_eq!(spent.of(factor).recovery, [hash("b")]);
    }
}
