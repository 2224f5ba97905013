//! The page of checkouts: payment links, how the page that payers see looks, and the files by which WeChat checks the domain.

use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{Fen, OperatorRole, Timestamp};
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    Answer, Trouble,
    desk::Desk,
    form::Form,
    frame::{Frame, Section},
    problems::{self, at},
    redirect,
    texts::Texts,
};
use crate::api::{
    problem::Problem,
    second_factor::{self, QrCode},
};

/// A link that was made.
struct Link {
    bill: String,
    url: String,
    qr: QrCode,
    until: String,
}

/// A field of a form, as it was typed.
#[derive(Default)]
struct Typed {
    value: String,
    problem: Option<String>,
}

impl Typed {
    fn of(value: &str) -> Self {
        Self { value: value.to_owned(), problem: None }
    }
}

/// The form of a payment link.
#[derive(Default)]
struct LinkForm {
    bill: Typed,
    fee: Typed,
    subject: Typed,
    expires: u32,
    return_url: Typed,
    /// What is wrong with none of the fields.
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "checkout.html")]
struct Page {
    f: Frame,
    t: &'static Texts,
    made: Option<Link>,
    link: LinkForm,
    ends: Vec<(u32, &'static str)>,
    name: Typed,
    color: Typed,
    origins: Typed,
    /// The kind of the logo. Empty without a logo.
    logo: String,
    logo_problem: Option<String>,
    files: Vec<String>,
    file: Typed,
}

pub(crate) async fn show(desk: &Desk<'_>) -> Answer {
    desk.page(200, &view(desk).await?)
}

async fn view(desk: &Desk<'_>) -> Result<Page, Trouble> {
    let t = desk.t();
    let f = Frame { section: Section::Checkout, ..desk.frame(t.payment_links) };
    let look = desk.api(Method::GET, &path(desk, "")?, &Value::Null).await?;
    let text = |name: &str| look.get(name).and_then(Value::as_str).unwrap_or_default();
    let origins = look.get("frameOrigins").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let origins: Vec<&str> = origins.iter().filter_map(Value::as_str).collect();
    Ok(Page {
        made: None,
        link: LinkForm { expires: 7200, ..LinkForm::default() },
        ends: vec![(1800, t.half_hour), (7200, t.two_hours), (86400, t.day)],
        name: Typed::of(text("name")),
        color: Typed::of(text("color")),
        origins: Typed::of(&origins.join("\n")),
        logo: text("logo").to_owned(),
        logo_problem: None,
        files: if f.may_own() { files(desk).await? } else { Vec::new() },
        file: Typed::default(),
        f,
        t,
    })
}

/// The files belong to the deployment. An operator who is limited to some apps does not see them.
async fn files(desk: &Desk<'_>) -> Result<Vec<String>, Trouble> {
    let listed = match desk.api(Method::GET, "/verification-files", &Value::Null).await {
        Err(problem) if problem.status == http::StatusCode::FORBIDDEN => return Ok(Vec::new()),
        listed => listed?,
    };
    let items = listed.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(items.iter().filter_map(|item| item.get("name")?.as_str()).map(str::to_owned).collect())
}

fn path(desk: &Desk<'_>, below: &str) -> Result<String, Trouble> {
    Ok(format!("/apps/{}/checkout{below}", desk.app()?.app.id))
}

pub(crate) async fn act(desk: &Desk<'_>, action: &str, form: &Form) -> Answer {
    match action {
        "link" => link(desk, form).await,
        "look" => look(desk, form).await,
        "logo" => logo(desk, form).await,
        "file" => save_file(desk, form).await,
        "remove-file" => remove_file(desk, form).await,
        _ => Err(Trouble::NotFound),
    }
}

/// Makes a payment link, and shows it.
async fn link(desk: &Desk<'_>, form: &Form) -> Answer {
    desk.need(OperatorRole::Operator)?;
    let mut typed = LinkForm {
        bill: Typed::of(form.text("billNum")),
        fee: Typed::of(form.text("fee")),
        subject: Typed::of(form.text("subject")),
        expires: form.text("expires").parse().map_err(|_| Trouble::Form)?,
        return_url: Typed::of(form.text("returnUrl")),
        problem: None,
    };
    let Ok(fee) = Fen::from_yuan(&typed.fee.value) else {
        typed.fee.problem = Some(desk.t().wrong_amount.to_owned());
        return desk.page(422, &Page { link: typed, ..view(desk).await? });
    };
    let mut body = Map::new();
    body.insert("totalFee".to_owned(), json!(fee));
    body.insert("expiresIn".to_owned(), typed.expires.into());
    for (name, field) in [("billNum", &typed.bill), ("subject", &typed.subject), ("returnUrl", &typed.return_url)] {
        if !field.value.is_empty() {
            body.insert(name.to_owned(), field.value.as_str().into());
        }
    }
    let path = format!("/apps/{}/checkouts?mode={}", desk.app()?.app.id, desk.mode);
    match desk.api(Method::POST, &path, &Value::Object(body)).await {
        Ok(made) => {
            let made = Some(read_link(desk, &made)?);
            desk.page(201, &Page { made, ..view(desk).await? })
        }
        Err(problem) => refuse_link(desk, typed, problem).await,
    }
}

fn read_link(desk: &Desk<'_>, made: &Value) -> Result<Link, Problem> {
    let text = |name: &str| made.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let until = made.get("expiresAt").and_then(Value::as_i64).unwrap_or_default();
    let url = text("url");
    let until = desk.frame("").moment(Timestamp::clamped(until));
    Ok(Link { bill: text("billNum"), qr: second_factor::draw(&url)?, url, until })
}

async fn refuse_link(desk: &Desk<'_>, mut typed: LinkForm, problem: Problem) -> Answer {
    let said = Some(problems::say(desk.preferences.language, &problem));
    let field = match problem.field_name() {
        Some("billNum") => &mut typed.bill.problem,
        Some("totalFee") => &mut typed.fee.problem,
        Some("subject") => &mut typed.subject.problem,
        Some("returnUrl") => &mut typed.return_url.problem,
        _ if problem.status.is_client_error() => &mut typed.problem,
        _ => return Err(problem.into()),
    };
    *field = said;
    desk.page(422, &Page { link: typed, ..view(desk).await? })
}

/// Saves the name, the colour and the origins. An empty field means that it is not set.
async fn look(desk: &Desk<'_>, form: &Form) -> Answer {
    let (name, color, origins) = (form.text("name"), form.text("color"), form.text("frameOrigins"));
    let mut body = Map::new();
    for (member, typed) in [("name", name), ("color", color)] {
        if !typed.is_empty() {
            body.insert(member.to_owned(), typed.into());
        }
    }
    let list: Vec<&str> = origins.split_whitespace().collect();
    body.insert("frameOrigins".to_owned(), json!(list));
    let problem = match desk.api(Method::PUT, &path(desk, "")?, &Value::Object(body)).await {
        Ok(_) => return saved(desk),
        Err(problem) => problem,
    };
    let said = |field| at(&problem, field).map(|()| problems::say(desk.preferences.language, &problem));
    let typed = |value: &str, field| Typed { value: value.to_owned(), problem: said(field) };
    let (name, color, origins) = (typed(name, "name"), typed(color, "color"), typed(origins, "frameOrigins"));
    if name.problem.is_none() && color.problem.is_none() && origins.problem.is_none() {
        return Err(problem.into());
    }
    desk.page(422, &Page { name, color, origins, ..view(desk).await? })
}

/// Saves the logo, or removes it.
async fn logo(desk: &Desk<'_>, form: &Form) -> Answer {
    let path = path(desk, "/logo")?;
    let done = if form.has("remove") {
        desk.api(Method::DELETE, &path, &Value::Null).await
    } else {
        desk.upload(&path, uploaded(form.text("logo"))).await
    };
    match done {
        Ok(_) => saved(desk),
        Err(problem) if at(&problem, "logo").is_some() => {
            let logo_problem = Some(problems::say(desk.preferences.language, &problem));
            desk.page(422, &Page { logo_problem, ..view(desk).await? })
        }
        Err(problem) => Err(problem.into()),
    }
}

/// The bytes of a file that a form brought. A text that is not base64 was typed and not uploaded.
fn uploaded(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec())
}

async fn save_file(desk: &Desk<'_>, form: &Form) -> Answer {
    let name = file_name(form.text("file"));
    match desk.api(Method::PUT, &file_path(&name), &Value::Null).await {
        Ok(_) => saved(desk),
        Err(problem) if at(&problem, "file").is_some() => {
            let problem = Some(problems::say(desk.preferences.language, &problem));
            desk.page(422, &Page { file: Typed { value: name, problem }, ..view(desk).await? })
        }
        Err(problem) => Err(problem.into()),
    }
}

async fn remove_file(desk: &Desk<'_>, form: &Form) -> Answer {
    desk.api(Method::DELETE, &file_path(form.text("file")), &Value::Null).await?;
    saved(desk)
}

/// A name in a path. A sign that does not belong into one makes it a name that the API refuses.
fn file_path(name: &str) -> String {
    let plain = |sign: char| if sign.is_ascii_alphanumeric() || "_.-".contains(sign) { sign } else { '-' };
    format!("/verification-files/{}", name.chars().take(64).map(plain).collect::<String>())
}

/// The name of the file: as it was typed, or by the content of the file that was uploaded, because the content is a part of the name.
fn file_name(given: &str) -> String {
    let content = STANDARD.decode(given).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match content {
        Some(content) if !given.starts_with("MP_verify_") => format!("MP_verify_{}.txt", content.trim()),
        _ => given.to_owned(),
    }
}

fn saved(desk: &Desk<'_>) -> Answer {
    redirect(&desk.frame("").at("/checkout?done=saved"), &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verification_file_is_named_by_its_content() {
        let content = STANDARD.encode("AbCdEf0123456789\n");
        for given in ["MP_verify_AbCdEf0123456789.txt", &content] {
            assert_eq!(file_name(given), "MP_verify_AbCdEf0123456789.txt");
        }
        assert_eq!(file_path(&file_name("../apps")), "/verification-files/..-apps");
        assert_eq!(file_path("a?b/\u{8336}"), "/verification-files/a-b--");
    }
}
