//! Where an app's alerts go: robots of WeCom, DingTalk and Feishu, and topics of SNS.
//!
//! The last part of a robot's address is a secret, because who knows it can write to the group. So it is masked like a secret.

use std::collections::HashMap;

use courier::{AlertSubject, AlertWays, tell, test_text};
use domain::{
    AlertAddress, AlertCause, AlertKind, AlertLanguage, AlertOutbox, AlertSettings, AlertState, AlertTarget,
    AlertTargetId, AppId, Mode, QuietHours, Secret,
};
use http::StatusCode;
use providers::MASK;
use runtime::{Reply, json};
use serde_json::{Map, Value, json};
use store::KeptAlerts;
use tracing::info;

use super::{call::Call, problem::Problem, said, wrong::Wrong};

/// Longer than the secrets that DingTalk and Feishu give out.
const SECRET_CHARS_MAX: usize = 128;

/// `GET /apps/{appId}/alerts`
pub(crate) async fn show(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    call.load_app(&app).await?;
    let kept = call.deps.services.store.find_alerts(&app).await?;
    reply(call, &app, &kept).await
}

/// `PUT /apps/{appId}/alerts {"revision"?,"quietHours"?:{"from","to"},"targets":[{"id"?,"kind","address","secret"?,"mode","language"?,
/// "causes"?}]}`: the whole settings. A target with a known id keeps what is masked. With `revision`, only in place of the settings that
/// had it.
pub(crate) async fn change(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let body = call.object()?;
    call.load_app(&app).await?;
    let store = &call.deps.services.store;
    let KeptAlerts { settings: before, revision } = store.find_alerts(&app).await?;
    let seen = body.get("revision").filter(|seen| !seen.is_null());
    if seen.is_some_and(|seen| seen.as_i64() != Some(revision)) {
        return Err(Problem::conflict_at("revision", Wrong::ChangedByOther));
    }
    let quiet = read_quiet(body.get("quietHours"))?;
    let targets = read_targets(call, body.get("targets"), &before)?;
    let since = if targets.is_empty() { None } else { before.since.or(Some(call.now)) };
    let settings = AlertSettings { since, quiet, targets };
    let kept = store.change_alerts(&app, KeptAlerts { settings, revision }).await?;
    info!(app.id = %app, "changed where alerts go");
    reply(call, &app, &kept).await
}

/// `POST /apps/{appId}/alerts/test {"target"}`: sends a test message, once.
pub(crate) async fn test(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let body = call.object()?;
    let found = call.load_app(&app).await?;
    let id = body.get("target").and_then(Value::as_str).unwrap_or_default();
    let services = &call.deps.services;
    let kept = services.store.find_alerts(&app).await?;
    let target = kept.settings.targets.iter().find(|target| target.id.as_str() == id);
    let target = target.ok_or_else(|| Problem::field("target", Wrong::NoAlertTarget { id: id.to_owned() }))?;
    let subject = AlertSubject {
        app: &found.app.name,
        mode: target.mode,
        console: format!("{}/console/apps/{app}/alerts", services.config.public_url),
    };
    let ways = AlertWays { outbound: call.deps.outbound.clone(), topics: services.topics.clone() };
    let text = test_text(&subject, target.language);
    let problem = tell(&ways, target, &text, call.now).await.err().map(|problem| problem.sentence());
    let shown = json!({ "target": id, "received": problem.is_none(), "text": text });
    Ok(json(StatusCode::OK, &said::with(shown, said::text("problem", problem.as_ref()))))
}

/// The settings, and how each target's latest message was answered.
async fn reply(call: &Call<'_>, app: &AppId, kept: &KeptAlerts) -> Result<Reply, Problem> {
    let KeptAlerts { settings, revision } = kept;
    let mut states = HashMap::new();
    for mode in Mode::ALL {
        if settings.hearing(mode).next().is_some() {
            states.insert(mode, call.deps.services.store.find_alert_state(app, mode).await?.state);
        }
    }
    let target = |target: &AlertTarget| show_target(target, states.get(&target.mode));
    let body = json!({
        "revision": revision,
        "quietHours": settings.quiet.map(|quiet| json!({ "from": quiet.from(), "to": quiet.to() })),
        "targets": settings.targets.iter().map(target).collect::<Vec<_>>(),
    });
    Ok(json(StatusCode::OK, &body))
}

fn show_target(target: &AlertTarget, state: Option<&AlertState>) -> Value {
    let outbox = state.and_then(|state| state.outbox(&target.id));
    let last = outbox.and_then(|outbox| outbox.last.as_ref());
    let problem = last.and_then(domain::LastAlertAnswer::sentence);
    let shown = json!({
        "id": target.id.as_str(),
        "kind": target.kind.name(),
        "address": shown_address(target),
        "secret": target.secret.as_ref().map(|_| MASK),
        "mode": target.mode.name(),
        "language": target.language.name(),
        "causes": target.causes.iter().map(|cause| cause.name()).collect::<Vec<_>>(),
        "waiting": outbox.map_or(0, AlertOutbox::waiting),
        "lastTime": last.map(|last| last.ms),
    });
    said::with(shown, said::text("lastProblem", problem.as_ref()))
}

fn shown_address(target: &AlertTarget) -> String {
    let public = target.address.public();
    if target.address.token().expose().is_empty() { public.to_owned() } else { format!("{public}{MASK}") }
}

/// Absent means that it is never quiet.
fn read_quiet(value: Option<&Value>) -> Result<Option<QuietHours>, Problem> {
    let Some(value) = value else { return Ok(None) };
    let hour = |name: &str| value.get(name).and_then(Value::as_u64).and_then(|hour| u8::try_from(hour).ok());
    let quiet = hour("from").zip(hour("to")).and_then(|(from, to)| QuietHours::new(from, to));
    quiet.map(Some).ok_or_else(|| Problem::field("quietHours", Wrong::QuietHours))
}

fn read_targets(call: &Call<'_>, value: Option<&Value>, before: &AlertSettings) -> Result<Vec<AlertTarget>, Problem> {
    let targets_max = AlertSettings::TARGETS_MAX;
    let wrong = || Problem::field("targets", Wrong::AlertTargets { targets_max });
    let list = value.and_then(Value::as_array).filter(|list| list.len() <= targets_max).ok_or_else(wrong)?;
    let mut targets: Vec<AlertTarget> = Vec::new();
    for (place, value) in list.iter().enumerate() {
        let given = Given { place, members: value.as_object().ok_or_else(wrong)? };
        let target = given.read(call, before)?;
        if targets.iter().any(|one| one.id == target.id) {
            return Err(wrong());
        }
        targets.push(target);
    }
    Ok(targets)
}

/// A target as it was given.
struct Given<'a> {
    place: usize,
    members: &'a Map<String, Value>,
}

impl Given<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
    }

    fn wrong(&self, name: &str, wrong: Wrong) -> Problem {
        Problem::field(&format!("targets.{}.{name}", self.place), wrong)
    }

    /// A member that is one of these words.
    fn word<T>(&self, name: &str, find: impl Fn(&str) -> Option<T>, words: String) -> Result<T, Problem> {
        let found = self.text(name).unwrap_or_default();
        find(found).ok_or_else(|| self.wrong(name, Wrong::OneOf { words, found: found.to_owned() }))
    }

    fn read(&self, call: &Call<'_>, before: &AlertSettings) -> Result<AlertTarget, Problem> {
        let known = match self.text("id") {
            None => None,
            Some(id) => {
                let known = before.targets.iter().find(|target| target.id.as_str() == id);
                Some(known.ok_or_else(|| self.wrong("id", Wrong::NoAlertTarget { id: id.to_owned() }))?)
            }
        };
        let kind = self.word("kind", AlertKind::find, AlertKind::ALL.map(AlertKind::name).join(", "))?;
        let saved = known.filter(|known| known.kind == kind);
        let address = self.address(call, kind, saved)?;
        // A secret belongs to one robot.
        let saved = saved.filter(|saved| saved.address == address);
        let id = match known {
            Some(known) => known.id.clone(),
            None => AlertTargetId::generate(call.now, call.deps.services.random.bytes()?),
        };
        let mode = Mode::find(self.text("mode").unwrap_or_default()).ok_or_else(|| self.wrong("mode", Wrong::Mode))?;
        let causes = self.causes()?;
        // A mode or a cause that is new to it begins now.
        let heard = known.filter(|known| known.mode == mode && causes.iter().all(|cause| known.causes.contains(cause)));
        let languages = AlertLanguage::ALL.map(AlertLanguage::name).join(", ");
        Ok(AlertTarget {
            id,
            kind,
            address,
            secret: self.secret(kind, saved)?,
            mode,
            language: match self.text("language") {
                None => AlertLanguage::Zh,
                Some(_) => self.word("language", AlertLanguage::find, languages)?,
            },
            causes,
            since: heard.map_or(call.now, |known| known.since),
        })
    }

    fn address(&self, call: &Call<'_>, kind: AlertKind, saved: Option<&AlertTarget>) -> Result<AlertAddress, Problem> {
        let text = self.text("address").unwrap_or_default();
        if let Some(saved) = saved.filter(|saved| shown_address(saved) == text) {
            return Ok(saved.address.clone());
        }
        let form = match kind {
            AlertKind::Wecom => "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=...",
            AlertKind::Dingtalk => "https://oapi.dingtalk.com/robot/send?access_token=...",
            AlertKind::Feishu => "https://open.feishu.cn/open-apis/bot/v2/hook/...",
            AlertKind::Sns => "arn:aws:sns:REGION:ACCOUNT:TOPIC",
        };
        let address = AlertAddress::parse(kind, text, call.deps.services.config.local_robots());
        address.ok_or_else(|| self.wrong("address", Wrong::AlertAddress { form }))
    }

    fn secret(&self, kind: AlertKind, saved: Option<&AlertTarget>) -> Result<Option<Secret<String>>, Problem> {
        let Some(text) = self.text("secret") else { return Ok(None) };
        if !kind.signs() {
            return Err(self.wrong("secret", Wrong::AlertNoSecret));
        }
        if text == MASK {
            let secret = saved.and_then(|saved| saved.secret.clone());
            return secret.map(Some).ok_or_else(|| self.wrong("secret", Wrong::Masked));
        }
        let fits = text.chars().count() <= SECRET_CHARS_MAX && text.bytes().all(|sign| sign.is_ascii_graphic());
        if fits {
            Ok(Some(Secret::new(text.to_owned())))
        } else {
            Err(self.wrong("secret", Wrong::AlertSecret { chars_max: SECRET_CHARS_MAX }))
        }
    }

    /// Absent means every cause.
    fn causes(&self) -> Result<Vec<AlertCause>, Problem> {
        let Some(value) = self.members.get("causes").filter(|value| !value.is_null()) else {
            return Ok(AlertCause::ALL.to_vec());
        };
        let words = || AlertCause::ALL.map(AlertCause::name).join(", ");
        let wrong = || self.wrong("causes", Wrong::Events { names: words(), found: value.to_string() });
        let mut causes = Vec::new();
        for name in value.as_array().filter(|list| !list.is_empty()).ok_or_else(wrong)? {
            let cause = name.as_str().and_then(AlertCause::find).ok_or_else(wrong)?;
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        }
        Ok(causes)
    }
}
