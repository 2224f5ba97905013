//! The apps that an operator sees whose rights are limited to some apps. And the rules of the sign-in for all operators.

use std::collections::HashMap;

use domain::{AppId, Reach};

use crate::{
    AppSummary, Store, StoreError,
    apps::read_summary,
    attributes::{Item, item, number, text},
    conditions::is_written,
    look_up::Freshness,
    schema::{ADMIN_PK, APPS_PK, PK, SK},
};

const RULES_SK: &str = "RULES";

/// The rules that owners set for all operators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignInRules {
    /// Whether an operator without a second factor must set one up first.
    pub demands_second_factor: bool,
    revision: i64,
}

impl Store {
    /// The apps with these ids, by id. An id without an app is left out. At most [`Reach::APPS_MAX`] are looked for.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_summaries(&self, apps: &[AppId]) -> Result<Vec<AppSummary>, StoreError> {
        let key = |app: &AppId| HashMap::from([(PK.to_owned(), text(APPS_PK)), (SK.to_owned(), text(app.as_str()))]);
        let keys = apps.iter().take(Reach::APPS_MAX).map(key).collect();
        let items = self.look_up(&self.tables.configuration, keys, Freshness::Eventual).await?;
        let mut found = self.readable(&items, read_summary);
        found.sort_by(|one: &AppSummary, other| one.id.as_str().cmp(other.id.as_str()));
        Ok(found)
    }

    /// The rules of the sign-in, strongly consistent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_sign_in_rules(&self) -> Result<SignInRules, StoreError> {
        let found = self.get_configured(ADMIN_PK.to_owned(), RULES_SK.to_owned()).await?;
        let Some(item) = found.as_ref().map(Item) else { return Ok(SignInRules::default()) };
        let demands_second_factor = item.text("second_factor")? == "demanded";
        Ok(SignInRules { demands_second_factor, revision: item.number("rev")? })
    }

    /// Changes the rules.
    ///
    /// # Errors
    /// [`StoreError::Contended`] if another operator changed them meanwhile.
    pub async fn change_sign_in_rules(&self, rules: SignInRules) -> Result<(), StoreError> {
        let word = if rules.demands_second_factor { "demanded" } else { "optional" };
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.tables.configuration)
            .set_item(Some(item(
                ADMIN_PK.to_owned(),
                RULES_SK.to_owned(),
                [("second_factor", Some(text(word))), ("rev", Some(number(rules.revision.saturating_add(1))))],
            )))
            .condition_expression("attribute_not_exists(pk) OR rev = :rev")
            .expression_attribute_values(":rev", number(rules.revision));
        if is_written(put.send().await, "changing the rules of the sign-in")? {
            Ok(())
        } else {
            Err(StoreError::Contended { what: RULES_SK.to_owned(), tries: 1 })
        }
    }
}
