//! Payment links, how an app's checkouts look, and the files by which WeChat checks the domain of the checkouts.

use charging::{CheckoutOrder, MadeCheckout, can_offer_anything, make_checkout};
use domain::{AppId, Author, BrandColor, CheckoutForm, CheckoutLook, FrameOrigin, Logo, VerificationFile};
use http::StatusCode;
use runtime::{ApiError, Reply, json};
use serde_json::{Map, Value, json};
use store::{KeptLook, StoreError};

use super::{call::Call, logo::read_logo, problem::Problem, transaction_actions::refused, wrong::Wrong};

/// `POST /apps/{appId}/checkouts?mode= {"billNum"?,"totalFee","subject","returnUrl",...}`: a payment link, at the server's price and with
/// every channel. Without `billNum` the bill gets a number of its own, so two such calls are two bills.
pub(crate) async fn make(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let (mode, mut body) = (call.mode()?, call.object()?);
    let services = &call.deps.services;
    if !body.contains_key("billNum") {
        let random = services.random.text::<12>()?.replace(['-', '_'], "x");
        body.insert("billNum".to_owned(), format!("link-{random}").into());
    }
    let found = services.apps.find(&app, call.now).await.map_err(|error| refused(error.into()))?;
    let configured = found.ok_or_else(|| Problem::not_found("app"))?;
    let body = Value::Object(body).to_string();
    let form = CheckoutForm::parse(body.as_bytes())?;
    let request = form.read()?;
    let channels = Vec::new();
    if !can_offer_anything(&services.apps, &configured, mode, &channels) {
        return Err(refused(ApiError::NothingToOffer { mode }));
    }
    let (configured, now) = (&configured, call.now);
    let order = CheckoutOrder { configured, mode, author: Author::Server, channels, request, now };
    let MadeCheckout { checkout, url } = make_checkout(services, &order).await.map_err(refused_link)?;
    let (bill, until) = (checkout.key.bill.as_str(), checkout.expires_at.ms());
    Ok(json(StatusCode::CREATED, &json!({ "billNum": bill, "url": url.as_str(), "expiresAt": until })))
}

/// A bill that cannot have this checkout is a matter of its number.
fn refused_link(error: ApiError) -> Problem {
    let is_about_bill = matches!(error, ApiError::Bill(_));
    let problem = refused(error);
    if is_about_bill { problem.at("billNum") } else { problem }
}

/// `GET /apps/{appId}/checkout`
pub(crate) async fn show(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    call.load_app(&app).await?;
    Ok(reply(&call.deps.services.store.find_checkout_look(&app).await?.look))
}

/// `PUT /apps/{appId}/checkout {"name"?,"color"?,"frameOrigins"?}`: what is absent is as nobody had set it. The logo stays.
pub(crate) async fn change(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    let body = call.object()?;
    call.load_app(&app).await?;
    let store = &call.deps.services.store;
    let KeptLook { look, revision } = store.find_checkout_look(&app).await?;
    let look = CheckoutLook {
        name: read_name(&body)?,
        color: read_color(&body)?,
        frame_origins: read_origins(&body)?,
        logo: look.logo,
    };
    store.change_checkout_look(&app, &KeptLook { look: look.clone(), revision }).await?;
    Ok(reply(&look))
}

/// `PUT /apps/{appId}/checkout/logo`: the body is the file.
pub(crate) async fn save_logo(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    call.load_app(&app).await?;
    let logo = read_logo(call.request.body()).map_err(|wrong| Problem::field("logo", wrong))?;
    change_logo(call, &app, Some(&logo)).await
}

/// `DELETE /apps/{appId}/checkout/logo`
pub(crate) async fn delete_logo(call: &Call<'_>, app: AppId) -> Result<Reply, Problem> {
    call.load_app(&app).await?;
    change_logo(call, &app, None).await
}

async fn change_logo(call: &Call<'_>, app: &AppId, logo: Option<&Logo>) -> Result<Reply, Problem> {
    let store = &call.deps.services.store;
    let kept = store.find_checkout_look(app).await?;
    match store.change_logo(app, &kept, logo).await {
        Err(StoreError::Stale { .. }) => Err(Problem::conflict_at("logo", Wrong::ChangedByOther)),
        changed => {
            changed?;
            Ok(reply(&CheckoutLook { logo: logo.map(|logo| logo.kind), ..kept.look }))
        }
    }
}

/// `GET /verification-files`
pub(crate) async fn list_files(call: &Call<'_>) -> Result<Reply, Problem> {
    let files = call.deps.services.store.list_verification_files().await?;
    let items: Vec<Value> = files.iter().map(|file| json!({ "name": file.name() })).collect();
    Ok(json(StatusCode::OK, &json!({ "items": items })))
}

/// `PUT /verification-files/{file}`. The name says all: the file holds its sixteen letters and digits.
pub(crate) async fn save_file(call: &Call<'_>, name: &str) -> Result<Reply, Problem> {
    let file = VerificationFile::parse(name).ok_or_else(|| Problem::field("file", Wrong::VerificationFile))?;
    let store = &call.deps.services.store;
    if store.list_verification_files().await?.len() >= FILES_MAX {
        return Err(Problem::conflict_at("file", Wrong::TooManyFiles { files_max: FILES_MAX }));
    }
    store.add_verification_file(&file).await?;
    Ok(json(StatusCode::OK, &json!({ "name": file.name() })))
}

/// `DELETE /verification-files/{file}`
pub(crate) async fn delete_file(call: &Call<'_>, name: &str) -> Result<Reply, Problem> {
    let file = VerificationFile::parse(name).ok_or_else(|| Problem::not_found("file"))?;
    if !call.deps.services.store.remove_verification_file(&file).await? {
        return Err(Problem::not_found("file"));
    }
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::NO_CONTENT;
    Ok(reply)
}

/// One deployment has few official accounts.
const FILES_MAX: usize = 50;

fn reply(look: &CheckoutLook) -> Reply {
    let origins: Vec<&str> = look.frame_origins.iter().map(FrameOrigin::as_str).collect();
    let body = json!({
        "name": look.name,
        "color": look.color.as_ref().map(BrandColor::as_str),
        "frameOrigins": origins,
        "logo": look.logo.map(|kind| kind.name()),
    });
    json(StatusCode::OK, &body)
}

fn read_name(body: &Map<String, Value>) -> Result<Option<String>, Problem> {
    let Some(value) = body.get("name") else { return Ok(None) };
    let chars_max = CheckoutLook::NAME_CHARS_MAX;
    let name = value
        .as_str()
        .map(str::trim)
        .filter(|name| !name.is_empty() && name.chars().count() <= chars_max && !name.chars().any(char::is_control));
    name.map(|name| Some(name.to_owned())).ok_or_else(|| Problem::field("name", Wrong::Name { chars_max }))
}

fn read_color(body: &Map<String, Value>) -> Result<Option<BrandColor>, Problem> {
    let Some(value) = body.get("color") else { return Ok(None) };
    let color = value.as_str().and_then(BrandColor::parse);
    color.map(Some).ok_or_else(|| Problem::field("color", Wrong::Color))
}

fn read_origins(body: &Map<String, Value>) -> Result<Vec<FrameOrigin>, Problem> {
    let Some(value) = body.get("frameOrigins") else { return Ok(Vec::new()) };
    let origins_max = CheckoutLook::FRAME_ORIGINS_MAX;
    let wrong = || Problem::field("frameOrigins", Wrong::FrameOrigins { origins_max });
    let list = value.as_array().filter(|list| list.len() <= origins_max).ok_or_else(wrong)?;
    list.iter().map(|origin| origin.as_str().and_then(FrameOrigin::parse).ok_or_else(wrong)).collect()
}
