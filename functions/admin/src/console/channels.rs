//! Channel settings: one tab each, in each mode. Errors are shown at their field.

use askama::Template;
use domain::{AccountNumber, Mode, Tab, Timestamp};
use http::{Method, StatusCode};
use providers::MASK;
use runtime::{EndingCertificate, query_parameter};
use serde_json::{Map, Value};

use super::{
    Answer, Trouble,
    channel_accounts::{self, AccountRow},
    channel_fields::{Field, Kind, Protocol, label_of, protocols},
    desk::Desk,
    form::Form,
    frame::{Frame, Section},
    guides, problems, redirect,
    texts::{self, Texts},
};
use crate::api::problem::Problem;

struct TabLink {
    href: String,
    label: &'static str,
    chosen: bool,
    saved: bool,
}

struct Choice {
    href: String,
    label: &'static str,
    chosen: bool,
}

/// A field as the page shows it.
struct Shown {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    required: bool,
    is_secret: bool,
    is_file: bool,
    is_area: bool,
    /// Whether a secret is saved. It is not shown.
    saved: bool,
    can_remove: bool,
    value: String,
    /// Whether a secret was typed. It is not sent back to the page, so it must be typed again: saving without it would keep the earlier
    /// one.
    type_again: bool,
    problem: Option<String>,
}

/// The result of a check for one setting.
struct Checked {
    field: String,
    label: String,
    word: &'static str,
    /// The style class of the result.
    class: &'static str,
    why: String,
}

/// The result of a submitted form.
struct Came {
    is_good: bool,
    words: String,
    checked: Vec<Checked>,
}

#[derive(Template)]
#[template(path = "channels.html")]
struct Channels {
    f: Frame,
    t: &'static Texts,
    tabs: Vec<TabLink>,
    serves: String,
    guides: [guides::Link; 2],
    protocols: Vec<Choice>,
    protocol: &'static str,
    fields: Vec<Shown>,
    saved: bool,
    accounts: Vec<AccountRow>,
    good: Option<String>,
    bad: Option<String>,
    checked: Vec<Checked>,
    ending: Vec<String>,
}

/// The warnings about certificates that end soon, for every tab or for one.
pub(super) async fn ending(desk: &Desk<'_>, only: Option<Tab>) -> Result<Vec<String>, Trouble> {
    let (t, apps) = (desk.t(), &desk.deps.services.apps);
    let Some(configured) = apps.find(&desk.app()?.app.id, desk.now).await? else { return Ok(Vec::new()) };
    let words = |ending: EndingCertificate| {
        texts::fill(t.certificates_end_soon, &[t.name_of(ending.tab), &desk.frame("").moment(ending.ends_at)])
    };
    let ending = apps.certificates_end_soon(&configured, desk.mode, desk.now).into_iter();
    Ok(ending.filter(|ending| only.is_none_or(|only| only == ending.tab)).map(words).collect())
}

/// The saved settings of a tab, with masked secrets; `None` if none are saved.
fn saved_settings(desk: &Desk<'_>, tab: Tab) -> Result<Option<Map<String, Value>>, Trouble> {
    let channels = &desk.app()?.channels;
    let channel = channels.iter().find(|channel| (channel.tab, channel.mode) == (tab, desk.mode));
    let Some(settings) = channel.and_then(|channel| channel.settings.as_ref()) else { return Ok(None) };
    let settings: Option<Map<String, Value>> = serde_json::from_str(settings.expose()).ok();
    Ok(settings.map(|settings| providers::mask(tab, &settings)))
}

pub(crate) async fn show(desk: &Desk<'_>, tab: &str) -> Answer {
    let tab = Tab::find(tab).ok_or(Trouble::NotFound)?;
    let saved = saved_settings(desk, tab)?;
    let asked = query_parameter(desk.request, "protocol").unwrap_or_default().into_owned();
    let page = view(desk, tab, saved.as_ref(), &asked, None)?;
    let (accounts, ending) = (channel_accounts::rows(desk, tab).await?, ending(desk, Some(tab)).await?);
    desk.page(200, &Channels { accounts, ending, ..page })
}

/// The page, with the typed values in place of the saved ones.
fn view(
    desk: &Desk<'_>,
    tab: Tab,
    saved: Option<&Map<String, Value>>,
    asked: &str,
    typed: Option<&Form>,
) -> Result<Channels, Trouble> {
    let t = desk.t();
    let language = desk.preferences.language;
    let f = Frame { section: Section::Channels, ..desk.frame(t.channels) };
    let offered = protocols(tab, desk.mode, desk.deps.services.config.local.as_ref());
    let saved_protocol = saved.map(|saved| saved.get("protocol").and_then(Value::as_str).unwrap_or_default());
    let by_name = |name: &str| offered.iter().find(|protocol| protocol.name == name);
    let fallback = offered.first().ok_or(Trouble::NotFound)?;
    let is_named = !asked.is_empty() || typed.is_some();
    let chosen = Some(asked).filter(|_| is_named).or(saved_protocol).and_then(by_name).unwrap_or(fallback);
    // Values saved for one protocol are not used for another.
    let saved_here = saved.filter(|_| saved_protocol == Some(chosen.name));
    let found = desk.app()?;
    let is_saved =
        |tab| found.channels.iter().any(|one| (one.tab, one.mode) == (tab, desk.mode) && one.settings.is_some());
    let href = |tab: Tab| f.at(&format!("/channels/{tab}"));
    let tabs = Tab::ALL.map(|one| TabLink {
        href: href(one),
        label: t.name_of(one),
        chosen: one == tab,
        saved: is_saved(one),
    });
    let choices = offered.iter().map(|protocol| Choice {
        href: format!("{}?protocol={}", href(tab), protocol.name),
        label: protocol.label(language),
        chosen: protocol.name == chosen.name,
    });
    let serves: Vec<&str> = tab.channels().map(|channel| t.name_of(channel)).collect();
    Ok(Channels {
        tabs: tabs.into(),
        serves: texts::fill(t.serves, &[&serves.join(t.comma)]),
        guides: guides::of_channel(tab).map(|topic| f.guide(topic)),
        protocols: choices.collect(),
        protocol: chosen.name,
        fields: chosen.fields().map(|field| shown(field, language, saved_here, typed)).collect(),
        saved: saved.is_some(),
        accounts: Vec::new(),
        good: None,
        bad: None,
        checked: Vec::new(),
        ending: Vec::new(),
        f,
        t,
    })
}

fn shown(
    field: &Field,
    language: super::preferences::Language,
    saved: Option<&Map<String, Value>>,
    typed: Option<&Form>,
) -> Shown {
    let kept = saved.and_then(|saved| saved.get(field.name)).filter(|value| !value.is_null());
    let is_secret = field.kind.is_secret();
    let value = match typed {
        // A secret is not sent back, not even to the person who has just typed it.
        _ if is_secret => String::new(),
        Some(form) => form.raw(field.name).to_owned(),
        None => kept.map(as_text).unwrap_or_default(),
    };
    Shown {
        name: field.name,
        label: field.label(language),
        hint: field.hint(language),
        required: field.required,
        is_secret,
        is_file: field.kind.is_file(),
        is_area: field.kind.is_file(),
        saved: is_secret && kept.is_some(),
        can_remove: is_secret && kept.is_some() && !field.required,
        value,
        type_again: is_secret && typed.is_some_and(|form| !form.text(field.name).is_empty()),
        problem: None,
    }
}

fn as_text(value: &Value) -> String {
    match value.as_array() {
        Some(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
        None => value.as_str().unwrap_or_default().to_owned(),
    }
}

/// Saves, checks or deletes: the button decides.
pub(crate) async fn act(desk: &Desk<'_>, tab: &str, form: &Form) -> Answer {
    let tab = Tab::find(tab).ok_or(Trouble::NotFound)?;
    // The form names the mode it was made for. The mode in the cookie may have changed in another window.
    if Mode::find(form.text("mode")) != Some(desk.mode) {
        return Err(Trouble::Expired);
    }
    let path = format!("/apps/{}/channels/{tab}", desk.app()?.app.id);
    let mode = desk.mode;
    let here = desk.frame("").at(&format!("/channels/{tab}"));
    let saved = saved_settings(desk, tab)?;
    match form.text("do") {
        "delete" => {
            desk.api(Method::DELETE, &format!("{path}?mode={mode}"), &Value::Null).await?;
            redirect(&format!("{here}?done=deleted"), &[])
        }
        "retire" => {
            let account = form.text("account");
            let number = AccountNumber::parse(account).ok_or(Trouble::NotFound)?;
            let path = format!("{path}/accounts/{number}?mode={mode}&force=true");
            desk.api(Method::DELETE, &path, &Value::Null).await?;
            redirect(&format!("{here}?done=deleted"), &[])
        }
        "check" => {
            let settings = settings(desk, tab, saved.as_ref(), form);
            let checked = desk.api(Method::POST, &format!("{path}/check?mode={mode}"), &settings).await;
            let checked = checked.map(|report| came(desk, &report));
            answer(desk, tab, saved.as_ref(), form, checked).await
        }
        _ => {
            let settings = settings(desk, tab, saved.as_ref(), form);
            match desk.api(Method::PUT, &format!("{path}?mode={mode}"), &settings).await {
                Ok(_) => redirect(&format!("{here}?done=saved"), &[]),
                Err(problem) => answer(desk, tab, saved.as_ref(), form, Err(problem)).await,
            }
        }
    }
}

/// The form again, with its result.
async fn answer(
    desk: &Desk<'_>,
    tab: Tab,
    saved: Option<&Map<String, Value>>,
    form: &Form,
    came: Result<Came, Problem>,
) -> Answer {
    let page = view(desk, tab, saved, form.text("protocol"), Some(form))?;
    let mut page = Channels { accounts: channel_accounts::rows(desk, tab).await?, ..page };
    let status = match came {
        Ok(Came { is_good, words, checked }) => {
            page.checked = checked;
            // The same field name has another meaning at another provider, so the form's own label comes first.
            for one in &mut page.checked {
                let shown = page.fields.iter().find(|shown| shown.name == one.field);
                one.label = shown.map_or_else(|| std::mem::take(&mut one.label), |shown| shown.label.to_owned());
            }
            *(if is_good { &mut page.good } else { &mut page.bad }) = Some(words);
            200
        }
        Err(problem) if problem.status != StatusCode::BAD_REQUEST => return Err(problem.into()),
        Err(problem) => {
            let said = problems::say(desk.preferences.language, &problem);
            let field = problem.field_name().unwrap_or_default().to_owned();
            match page.fields.iter_mut().find(|shown| shown.name == field) {
                Some(shown) => {
                    shown.problem = Some(said);
                    page.bad = Some(desk.t().see_field.to_owned());
                }
                None => page.bad = Some(said),
            }
            422
        }
    };
    desk.page(status, &page)
}

/// The settings in the form. An empty secret means the saved one.
fn settings(desk: &Desk<'_>, tab: Tab, saved: Option<&Map<String, Value>>, form: &Form) -> Value {
    let mut settings = Map::new();
    let name = form.text("protocol");
    if !name.is_empty() {
        settings.insert("protocol".to_owned(), name.into());
    }
    let offered = protocols(tab, desk.mode, desk.deps.services.config.local.as_ref());
    let chosen = offered.iter().find(|protocol| protocol.name == name);
    for field in chosen.into_iter().flat_map(Protocol::fields) {
        let typed = form.text(field.name);
        let is_saved = saved.is_some_and(|saved| saved.get(field.name).is_some_and(|value| value == MASK));
        let keeps = is_saved && !form.has(&format!("remove_{}", field.name));
        let value = match typed {
            "" if field.kind.is_secret() && keeps => MASK.into(),
            "" => continue,
            typed if field.kind == Kind::PublicList => Value::Array(pem_blocks(typed)),
            typed => typed.into(),
        };
        settings.insert(field.name.to_owned(), value);
    }
    Value::Object(settings)
}

/// Splits a text into its certificates, one string each.
fn pem_blocks(text: &str) -> Vec<Value> {
    const END: &str = "-----END CERTIFICATE-----";
    if !text.contains(END) {
        return text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Value::from).collect();
    }
    let blocks = text.split_inclusive(END).map(str::trim).filter(|block| !block.is_empty());
    blocks.map(Value::from).collect()
}

/// The result of the check, in the reader's language.
fn came(desk: &Desk<'_>, report: &Value) -> Came {
    let (t, language) = (desk.t(), desk.preferences.language);
    let text = |name: &str| report.get(name).and_then(Value::as_str).unwrap_or_default();
    let is_good = report.get("ok").and_then(Value::as_bool) == Some(true);
    let words = match text("provider") {
        "verified" | "accepted" if !is_good => t.check_wrong.to_owned(),
        "verified" => t.check_verified.to_owned(),
        "accepted" => t.check_accepted.to_owned(),
        "refused" => texts::fill(t.check_refused, &[text("words")]),
        "unclear" => texts::fill(t.check_unclear, &[&problems::say_in(language, report, "words").unwrap_or_default()]),
        _ => t.check_unreachable.to_owned(),
    };
    let ends = report.get("certificatesEndTime").and_then(Value::as_i64).map(|ms| {
        let at = desk.frame("").moment(Timestamp::clamped(ms));
        format!(" {}", texts::fill(t.certificates_end, &[&at]))
    });
    let settings = report.get("settings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let checked = settings.iter().map(|setting| {
        let text = |name: &str| setting.get(name).and_then(Value::as_str).unwrap_or_default();
        let (word, class) = match text("result") {
            "tested" => (t.check_tested, "success"),
            "wrong" => (t.check_bad, "bad"),
            _ => (t.check_untestable, "waiting"),
        };
        let label = label_of(text("field"), language).unwrap_or_else(|| text("field")).to_owned();
        Checked {
            field: text("field").to_owned(),
            label,
            word,
            class,
            why: problems::say_in(language, setting, "why").unwrap_or_default(),
        }
    });
    Came { is_good, words: words + &ends.unwrap_or_default(), checked: checked.collect() }
}

#[cfg(test)]
mod tests {
    use super::pem_blocks;

    #[test]
    fn certificates_are_told_apart() {
        let one = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
        assert_eq!(pem_blocks(&format!("{one}\n\n{one}\n")).len(), 2);
        assert_eq!(pem_blocks("MIIB\n MIIC \n").len(), 2);
    }
}
