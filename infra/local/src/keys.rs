//! Reads which keys a call of DynamoDB names: for IAM's `dynamodb:LeadingKeys` and for DynamoDB's own bounds of a key.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Template;

/// DynamoDB's bounds of a partition key and of a sort key, in bytes.
const PARTITION_BYTES_MAX: usize = 2048;
const SORT_BYTES_MAX: usize = 1024;

/// The attributes of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Schema {
    partition: String,
    sort: Option<String>,
}

/// The keys of all tables and indexes, by `name` and `name/index/index-name`.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeySchemas(BTreeMap<String, Schema>);

impl KeySchemas {
    /// `logical` are the logical names of the tables, by the names in use.
    pub(crate) fn new(template: &Template, logical: &BTreeMap<String, String>) -> Self {
        let mut schemas = BTreeMap::new();
        for (name, logical) in logical {
            let Some((_, table)) = template.tables.iter().find(|(table, _)| table == logical) else { continue };
            schemas.extend(read_schema(table).map(|schema| (name.clone(), schema)));
            let indexes = table.get("GlobalSecondaryIndexes").and_then(|indexes| indexes.as_sequence());
            for index in indexes.into_iter().flatten() {
                let index_name = index.get("IndexName").and_then(|name| name.as_str()).unwrap_or_default();
                schemas.extend(read_schema(index).map(|schema| (format!("{name}/index/{index_name}"), schema)));
            }
        }
        Self(schemas)
    }

    /// The partition key in an item or a key.
    pub(crate) fn of_item(&self, name: &str, item: Option<&Value>) -> Option<String> {
        let schema = self.0.get(name)?;
        item?.get(&schema.partition)?.get("S")?.as_str().map(str::to_owned)
    }

    /// The partition keys of a query.
    pub(crate) fn of_query(&self, name: &str, body: &Value) -> Vec<String> {
        let Some(schema) = self.0.get(name) else { return Vec::new() };
        let named = conditions(body).into_iter().filter(|(attribute, _)| *attribute == schema.partition);
        named.filter_map(|(_, value)| value.get("S")?.as_str().map(str::to_owned)).collect()
    }

    /// DynamoDB's error for a query whose key no item can have. The embedded DynamoDB finds nothing instead.
    pub(crate) fn refusal_of_query(&self, name: &str, body: &Value) -> Option<String> {
        let schema = self.0.get(name)?;
        conditions(body).into_iter().find_map(|(attribute, value)| {
            let text = value.get("S")?.as_str()?;
            let is_sort = schema.sort.as_ref() == Some(&attribute);
            if text.is_empty() {
                Some(format!(
                    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty \
                     string value. Key: {attribute}"
                ))
            } else if is_sort && text.len() > SORT_BYTES_MAX {
                Some(
                    "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of \
                     1024 bytes"
                        .to_owned(),
                )
            } else if !is_sort && text.len() > PARTITION_BYTES_MAX {
                Some(
                    "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes"
                        .to_owned(),
                )
            } else {
                None
            }
        })
    }
}

fn read_schema(owner: &serde_yaml_ng::Value) -> Option<Schema> {
    let elements = owner.get("KeySchema")?.as_sequence()?;
    let named = |kind: &str| {
        let element =
            elements.iter().find(|element| element.get("KeyType").and_then(|one| one.as_str()) == Some(kind))?;
        element.get("AttributeName")?.as_str().map(str::to_owned)
    };
    Some(Schema { partition: named("HASH")?, sort: named("RANGE") })
}

/// The attributes in a query's key condition, each with a value that it is compared with: `pk = :pk AND sk BETWEEN :a AND :b`.
fn conditions(body: &Value) -> Vec<(String, &Value)> {
    let condition = body.get("KeyConditionExpression").and_then(Value::as_str).unwrap_or_default();
    let (names, values) = (body.get("ExpressionAttributeNames"), body.get("ExpressionAttributeValues"));
    let mut attribute = String::new();
    let mut found = Vec::new();
    for word in condition.split(|sign: char| sign.is_whitespace() || "(),=<>".contains(sign)) {
        if word.starts_with(':') {
            found.extend(values.and_then(|values| values.get(word)).map(|value| (attribute.clone(), value)));
        } else if !word.is_empty() && !["AND", "BETWEEN", "begins_with"].contains(&word) {
            let named = names.and_then(|names| names.get(word)).and_then(Value::as_str);
            attribute = named.unwrap_or(word).to_owned();
        }
    }
    found
}

/// Whether a text matches an IAM pattern: `*` stands for any characters, `?` for one.
pub(crate) fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    // For each beginning of the pattern, whether it matches the text that was read so far.
    let mut fits = vec![true];
    fits.extend(pattern.iter().scan(true, |all, sign| {
        *all &= *sign == '*';
        Some(*all)
    }));
    for read in &text {
        let mut next = vec![false];
        for (place, sign) in pattern.iter().enumerate() {
            let (before, at) = (fits.get(place) == Some(&true), fits.get(place + 1) == Some(&true));
            let fit =
                if *sign == '*' { at || next.last() == Some(&true) } else { before && (*sign == '?' || sign == read) };
            next.push(fit);
        }
        fits = next;
    }
    fits.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    #[rustfmt::skip]
    fn patterns_are_read_as_iam_reads_them() {
        let bill = "????????????????????????#????#*";
        let cases = [
            ("APP#1",                                 "APP#*", true),
            ("APPS",                                  "APP#*", false),
            ("APPS",                                  "APPS",  true),
            ("APPSX",                                 "APPS",  false),
            ("APP#",                                  "APP#*", true),
            ("568a12086e912100017722e5#test#1",       bill,    true),
            ("568a12086e912100017722e5#live#a#b",     bill,    true),
            ("568a12086e912100017722e5#live",         bill,    false),
            ("REFUND#568a12086e912100017722e5#live#1", bill,   false),
            ("RECONCILED#568a12086e912100017722e5#live", bill, false),
            ("axbxc",                                 "a*b*c", true),
            ("axbx",                                  "a*b*c", false),
            ("",                                      "*",     true),
        ];
        for (text, pattern, expect) in cases {
            assert_eq!(is_like(text, pattern), expect, "{text} {pattern}");
        }
    }

    #[test]
    fn a_condition_tells_its_attributes_and_values() {
        let body = json!({
            "KeyConditionExpression": "#p = :pk AND sk BETWEEN :a AND :b",
            "ExpressionAttributeNames": { "#p": "pk" },
            "ExpressionAttributeValues": { ":pk": { "S": "P" }, ":a": { "S": "1" }, ":b": { "S": "2" }, ":kind": { "S": "no" } },
        });
        let found: Vec<_> = conditions(&body).into_iter().map(|(name, value)| (name, value["S"].clone())).collect();
        assert_eq!(found, [("pk", "P"), ("sk", "1"), ("sk", "2")].map(|(name, value)| (name.to_owned(), json!(value))));
        let begins = json!({
            "KeyConditionExpression": "pk=:pk AND begins_with(sk, :tx)",
            "ExpressionAttributeValues": { ":pk": { "S": "P" }, ":tx": { "S": "TX#" } },
        });
        assert_eq!(conditions(&begins).len(), 2);
    }

    #[test]
    fn a_query_for_no_possible_key_is_refused_as_dynamodb_refuses_it() {
        let logical = BTreeMap::from([("transactions".to_owned(), "TransactionsTable".to_owned())]);
        let schemas = KeySchemas::new(&Template::load().unwrap(), &logical);
        let query = |pk: &str, sk: &str| {
            json!({
                "KeyConditionExpression": "by_time_pk = :pk AND by_time_sk < :sk",
                "ExpressionAttributeValues": { ":pk": { "S": pk }, ":sk": { "S": sk } },
            })
        };
        let refusal = |pk: &str, sk: &str| schemas.refusal_of_query("transactions/index/by_time", &query(pk, sk));
        assert_eq!(refusal("p", "~"), None);
        assert_eq!(refusal(&"p".repeat(2048), &"s".repeat(1024)), None);
        assert!(refusal("p", "").unwrap().ends_with("empty string value. Key: by_time_sk"));
        assert!(refusal("", "s").unwrap().ends_with("empty string value. Key: by_time_pk"));
        assert!(refusal("p", &"s".repeat(1025)).unwrap().contains("1024 bytes"));
        assert!(refusal(&"p".repeat(2049), "s").unwrap().contains("2048 bytes"));
        assert_eq!(schemas.of_query("transactions/index/by_time", &query("p", "s")), ["p"]);
        let item = json!({ "pk": { "S": "P" }, "sk": { "S": "S" } });
        assert_eq!(schemas.of_item("transactions", Some(&item)), Some("P".to_owned()));
    }
}
