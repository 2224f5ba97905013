//! How the checkouts of apps look, with their logos, and the files by which WeChat checks the domain.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use domain::{AppId, BrandColor, CheckoutLook, FrameOrigin, Logo, LogoKind, VerificationFile};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, bytes, item, number, text},
    conditions::is_written,
    schema::{FILES_PK, LOGO_SK, LOOK_SK, PK, SK, look_pk},
};

/// More official accounts than one deployment has.
const FILES_PAGE: i32 = 100;

/// A look as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptLook {
    /// The look.
    pub look: CheckoutLook,
    /// How often it was written. Zero if it never was.
    pub revision: i64,
}

impl Store {
    /// How an app's checkouts look; as nobody changed it, if nobody did.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_checkout_look(&self, app: &AppId) -> Result<KeptLook, StoreError> {
        let found = self.get_configured(look_pk(app), LOOK_SK.to_owned()).await?;
        found.as_ref().map_or_else(|| Ok(KeptLook::default()), read_look)
    }

    /// The same as it was a moment ago: for the pages themselves.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn glance_at_checkout_look(&self, app: &AppId) -> Result<CheckoutLook, StoreError> {
        let found = self.glance_configured(look_pk(app), LOOK_SK.to_owned()).await?;
        Ok(found.as_ref().map_or_else(|| Ok(KeptLook::default()), read_look)?.look)
    }

    /// Keeps another look in place of the one that was read. What it says of the logo stays.
    ///
    /// # Errors
    /// [`StoreError::Contended`] if another operator changed it meanwhile.
    pub async fn change_checkout_look(&self, app: &AppId, kept: &KeptLook) -> Result<(), StoreError> {
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.tables.configuration)
            .set_item(Some(write_look(app, &kept.look, kept.revision + 1)))
            .condition_expression("attribute_not_exists(pk) OR rev = :rev")
            .expression_attribute_values(":rev", number(kept.revision));
        if is_written(put.send().await, "changing the look of checkouts")? {
            return Ok(());
        }
        Err(StoreError::Contended { what: look_pk(app), tries: 1 })
    }

    /// Keeps a logo, or removes the one there is, together with what the look says of it.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if another operator changed the look meanwhile.
    pub async fn change_logo(&self, app: &AppId, kept: &KeptLook, logo: Option<&Logo>) -> Result<(), StoreError> {
        let look = CheckoutLook { logo: logo.map(|logo| logo.kind), ..kept.look.clone() };
        let build = |error| StoreError::dynamo("building a change of a logo", error);
        let put = Put::builder()
            .table_name(&self.tables.configuration)
            .set_item(Some(write_look(app, &look, kept.revision + 1)))
            .condition_expression("attribute_not_exists(pk) OR rev = :rev")
            .expression_attribute_values(":rev", number(kept.revision))
            .build()
            .map_err(build)?;
        let file = match logo {
            Some(logo) => {
                let put = Put::builder().table_name(&self.tables.configuration).set_item(Some(write_logo(app, logo)));
                TransactWriteItem::builder().put(put.build().map_err(build)?).build()
            }
            None => {
                let delete = Delete::builder()
                    .table_name(&self.tables.configuration)
                    .key(PK, text(look_pk(app)))
                    .key(SK, text(LOGO_SK));
                TransactWriteItem::builder().delete(delete.build().map_err(build)?).build()
            }
        };
        self.write_together([TransactWriteItem::builder().put(put).build(), file], &look_pk(app)).await
    }

    /// The logo of an app's checkouts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_logo(&self, app: &AppId) -> Result<Option<Logo>, StoreError> {
        let found = self.glance_configured(look_pk(app), LOGO_SK.to_owned()).await?;
        let read = |attributes: &Attributes| {
            let item = Item(attributes);
            Ok(Logo { kind: item.parsed("kind", LogoKind::find)?, bytes: item.bytes("file")?.to_vec() })
        };
        found.as_ref().map(read).transpose()
    }

    /// The verification files, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_verification_files(&self) -> Result<Vec<VerificationFile>, StoreError> {
        let page = self
            .dynamo
            .query()
            .table_name(&self.tables.configuration)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(FILES_PK))
            .limit(FILES_PAGE)
            .send()
            .await
            .map_err(|error| StoreError::dynamo("list of verification files", error))?;
        page.items().iter().map(|attributes| Item(attributes).parsed(SK, VerificationFile::parse)).collect()
    }

    /// Whether there is such a verification file.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_verification_file(&self, file: &VerificationFile) -> Result<bool, StoreError> {
        Ok(self.glance_configured(FILES_PK.to_owned(), file.name().to_owned()).await?.is_some())
    }

    /// Keeps a verification file. `false` if it is there already.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_verification_file(&self, file: &VerificationFile) -> Result<bool, StoreError> {
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.tables.configuration)
            .set_item(Some(item(FILES_PK.to_owned(), file.name().to_owned(), [])))
            .condition_expression("attribute_not_exists(pk)");
        is_written(put.send().await, "keeping a verification file")
    }

    /// Removes a verification file. `false` if it was not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_verification_file(&self, file: &VerificationFile) -> Result<bool, StoreError> {
        let delete = self
            .dynamo
            .delete_item()
            .table_name(&self.tables.configuration)
            .key(PK, text(FILES_PK))
            .key(SK, text(file.name()))
            .condition_expression("attribute_exists(pk)");
        is_written(delete.send().await, "removing a verification file")
    }
}

fn write_look(app: &AppId, look: &CheckoutLook, revision: i64) -> Attributes {
    let origins: Vec<AttributeValue> = look.frame_origins.iter().map(|origin| text(origin.as_str())).collect();
    item(
        look_pk(app),
        LOOK_SK.to_owned(),
        [
            ("rev", Some(number(revision))),
            ("name", look.name.as_ref().map(text)),
            ("color", look.color.as_ref().map(|color| text(color.as_str()))),
            ("frame_origins", (!origins.is_empty()).then_some(AttributeValue::L(origins))),
            ("logo", look.logo.map(|kind| text(kind.name()))),
        ],
    )
}

fn read_look(attributes: &Attributes) -> Result<KeptLook, StoreError> {
    let item = Item(attributes);
    let origins = match attributes.get("frame_origins") {
        None => Vec::new(),
        Some(value) => {
            let wrong = || item.wrong("frame_origins");
            let list = value.as_l().map_err(|_| wrong())?;
            let read = |origin: &AttributeValue| origin.as_s().ok().and_then(|origin| FrameOrigin::parse(origin));
            list.iter().map(|origin| read(origin).ok_or_else(wrong)).collect::<Result<_, _>>()?
        }
    };
    Ok(KeptLook {
        revision: item.number("rev")?,
        look: CheckoutLook {
            name: item.find_text("name").map(str::to_owned),
            color: item.find_parsed("color", BrandColor::parse)?,
            frame_origins: origins,
            logo: item.find_parsed("logo", LogoKind::find)?,
        },
    })
}

fn write_logo(app: &AppId, logo: &Logo) -> Attributes {
    let file = bytes(logo.bytes.clone());
    item(look_pk(app), LOGO_SK.to_owned(), [("kind", Some(text(logo.kind.name()))), ("file", Some(file))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_read_as_it_was_written() {
        let app = AppId::parse("568a12086e912100017722e5").unwrap();
        let most = CheckoutLook {
            name: Some("茶馆".to_owned()),
            color: BrandColor::parse("#1677ff"),
            frame_origins: vec![FrameOrigin::parse("https://shop.example").unwrap()],
            logo: Some(LogoKind::Png),
        };
        for look in [CheckoutLook::default(), most] {
            let found = read_look(&write_look(&app, &look, 3)).unwrap();
            assert_eq!(found, KeptLook { look, revision: 3 });
        }
    }
}
