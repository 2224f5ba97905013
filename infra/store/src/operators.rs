//! Operators: who may sign in to the console.

use domain::{AppId, Operator, OperatorName, OperatorRole, Reach, SecondFactor, Secret};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, bytes, item, number, text, time},
    conditions::is_written,
    schema::{ADMIN_PK, SK, USER_PREFIX},
};

/// There are few operators; more than this are not listed.
const LISTED_MAX: i32 = 500;

/// How often a change of an operator is tried again because another operator changed it first.
const CHANGE_TRIES_MAX: u32 = 5;

/// An operator before and after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorChange {
    /// The operator before the change.
    pub before: Operator,
    /// The operator after the change.
    pub after: Operator,
}

impl Store {
    /// Keeps a new operator.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the name is taken.
    pub async fn create_operator(&self, operator: &Operator) -> Result<(), StoreError> {
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.tables.configuration)
            .set_item(Some(self.write_operator(operator, 1)?))
            .condition_expression("attribute_not_exists(pk)");
        if is_written(put.send().await, "keeping an operator")? { Ok(()) } else { Err(stale(&operator.name)) }
    }

    /// One operator, strongly consistent, so that an operator who was disabled is out at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_operator(&self, name: &OperatorName) -> Result<Option<Operator>, StoreError> {
        Ok(self.find_operator_revision(name).await?.map(|(operator, _)| operator))
    }

    /// All operators by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_operators(&self) -> Result<Vec<Operator>, StoreError> {
        let page = self
            .dynamo
            .query()
            .table_name(&self.tables.configuration)
            .key_condition_expression("pk = :pk AND begins_with(sk, :user)")
            .expression_attribute_values(":pk", text(ADMIN_PK))
            .expression_attribute_values(":user", text(USER_PREFIX))
            .limit(LISTED_MAX)
            .send()
            .await
            .map_err(|error| StoreError::dynamo("list of operators", error))?;
        Ok(self.readable(page.items(), |attributes| self.read_operator(attributes)))
    }

    /// Changes an operator; `change` may run again if another change was first.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if there is no such operator, [`StoreError::Contended`] if others keep changing it.
    pub async fn change_operator(
        &self,
        name: &OperatorName,
        change: impl Fn(Operator) -> Operator,
    ) -> Result<OperatorChange, StoreError> {
        for _ in 0..CHANGE_TRIES_MAX {
            let Some((before, revision)) = self.find_operator_revision(name).await? else { return Err(stale(name)) };
            let after = change(before.clone());
            let put = self
                .dynamo
                .put_item()
                .table_name(&self.tables.configuration)
                .set_item(Some(self.write_operator(&after, revision + 1)?))
                .condition_expression("rev = :rev")
                .expression_attribute_values(":rev", number(revision));
            if is_written(put.send().await, "changing an operator")? {
                return Ok(OperatorChange { before, after });
            }
        }
        Err(StoreError::Contended { what: user_sk(name), tries: CHANGE_TRIES_MAX })
    }

    async fn find_operator_revision(&self, name: &OperatorName) -> Result<Option<(Operator, i64)>, StoreError> {
        let found = self.get_configured(ADMIN_PK.to_owned(), user_sk(name)).await?;
        let Some(attributes) = found else { return Ok(None) };
        Ok(Some((self.read_operator(&attributes)?, Item(&attributes).number("rev")?)))
    }

    fn write_operator(&self, operator: &Operator, revision: i64) -> Result<Attributes, StoreError> {
        let sk = user_sk(&operator.name);
        let sealed = self.sealer.seal(&owner(&sk), operator.password_hash.expose().as_bytes())?;
        let factor = operator.second_factor.as_ref();
        let factor = factor.map(|factor| self.sealer.seal(&factor_owner(&sk), write_factor(factor).as_bytes()));
        let factor = factor.transpose()?;
        let apps = match &operator.reach {
            Reach::Everything => None,
            Reach::Apps(apps) => Some(apps.iter().map(AppId::as_str).collect::<Vec<_>>().join(" ")),
        };
        let state = if operator.enabled { "enabled" } else { "disabled" };
        Ok(item(
            ADMIN_PK.to_owned(),
            sk,
            [
                ("rev", Some(number(revision))),
                ("role", Some(text(operator.role.name()))),
                ("state", Some(text(state))),
                ("epoch", Some(number(operator.epoch))),
                ("created_ms", Some(time(operator.created_at))),
                ("sealed", Some(bytes(sealed))),
                ("factor", factor.map(bytes)),
                ("factor_step", operator.second_factor.as_ref().map(|factor| number(factor.last_step))),
                ("apps", apps.map(text)),
            ],
        ))
    }

    fn read_operator(&self, attributes: &Attributes) -> Result<Operator, StoreError> {
        let item = Item(attributes);
        let sk = item.text(SK)?;
        let hash = self.sealer.open(&owner(sk), item.bytes("sealed")?)?;
        let hash = String::from_utf8(hash.expose().clone()).map_err(|_| item.wrong("sealed"))?;
        let second_factor = match item.find_bytes("factor") {
            Some(sealed) => {
                let plain = self.sealer.open(&factor_owner(sk), sealed)?;
                let last_step = item.number("factor_step")?;
                Some(read_factor(plain.expose(), last_step).ok_or_else(|| item.wrong("factor"))?)
            }
            None => None,
        };
        Ok(Operator {
            second_factor,
            reach: item.find_parsed("apps", read_reach)?.unwrap_or(Reach::Everything),
            name: item.parsed(SK, |sk| OperatorName::parse(sk.strip_prefix(USER_PREFIX)?))?,
            role: item.parsed("role", OperatorRole::find)?,
            password_hash: Secret::new(hash),
            enabled: item.text("state")? == "enabled",
            epoch: item.number("epoch")?,
            created_at: item.time("created_ms")?,
        })
    }
}

fn user_sk(name: &OperatorName) -> String {
    format!("{USER_PREFIX}{name}")
}

fn owner(sk: &str) -> String {
    format!("{ADMIN_PK} / {sk}")
}

/// The owner of the sealed second factor. It differs from that of the password, so that neither can be opened as the other.
fn factor_owner(sk: &str) -> String {
    format!("{} / factor", owner(sk))
}

/// Lines of hex: the secret, and the hashes of recovery codes.
fn write_factor(factor: &SecondFactor) -> String {
    let secret: String = factor.secret.expose().iter().map(|byte| format!("{byte:02x}")).collect();
    std::iter::once(&secret).chain(&factor.recovery).map(String::as_str).collect::<Vec<_>>().join("\n")
}

fn read_factor(plain: &[u8], last_step: i64) -> Option<SecondFactor> {
    let mut lines = std::str::from_utf8(plain).ok()?.split('\n');
    let digits: Option<Vec<u32>> = lines.next()?.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits?;
    let bytes = digits.chunks_exact(2).map(|pair| u8::try_from(pair.iter().fold(0, |byte, digit| byte * 16 + digit)));
    let secret = Secret::new(bytes.collect::<Result<Vec<u8>, _>>().ok()?);
    Some(SecondFactor { secret, recovery: lines.map(str::to_owned).collect(), last_step })
}

fn read_reach(apps: &str) -> Option<Reach> {
    Reach::of(apps.split(' ').map(AppId::parse).collect::<Result<_, _>>().ok()?)
}

fn stale(name: &OperatorName) -> StoreError {
    StoreError::Stale { what: user_sk(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_factor_goes_round() {
        let factor = SecondFactor {
            secret: Secret::new((0..20).collect()),
            recovery: vec!["ab".repeat(32), "cd".repeat(32)],
            last_step: 7,
        };
        assert_eq!(read_factor(write_factor(&factor).as_bytes(), 7), Some(factor.clone()));
        let spent = SecondFactor { recovery: Vec::new(), ..factor };
        assert_eq!(read_factor(write_factor(&spent).as_bytes(), 7), Some(spent));
        assert_eq!(read_factor(b"no hex", 7), None);
    }
}
