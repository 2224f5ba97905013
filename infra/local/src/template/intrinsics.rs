//! CloudFormation's functions in a template, if they name something: `!Ref`, `!GetAtt`, `!Sub`, `!If`.

use serde_yaml_ng::{Mapping, Value};

/// The same value with each short form, such as `!GetAtt X.Arn`, written in its long form, as the translation does it.
pub(super) fn spelled_out(value: Value) -> Value {
    match value {
        Value::Tagged(tagged) => {
            let name = tagged.tag.to_string();
            let name = name.trim_start_matches('!');
            let long = if matches!(name, "Ref" | "Condition") { name.to_owned() } else { format!("Fn::{name}") };
            let argument = match (name, spelled_out(tagged.value)) {
                ("GetAtt", Value::String(text)) => text.split('.').map(Value::from).collect(),
                (_, argument) => argument,
            };
            Value::Mapping(Mapping::from_iter([(Value::from(long), argument)]))
        }
        Value::Sequence(list) => list.into_iter().map(spelled_out).collect(),
        Value::Mapping(mapping) => {
            Value::Mapping(mapping.into_iter().map(|(key, value)| (key, spelled_out(value))).collect())
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

/// What a value names. A plain text names itself, and a resource is named by its logical name. A choice names everything that may be
/// chosen.
/// `{"Fn::Sub": "${Table.Arn}/index/x"}` names `Table/index/x`.
pub(crate) fn names(value: &Value) -> Vec<String> {
    let of_call = |name: &str, argument: &Value| match name {
        "Fn::GetAtt" => argument.get(0).and_then(Value::as_str).map(str::to_owned).into_iter().collect(),
        "Fn::Sub" => argument.as_str().map(|text| text.replace(".Arn}", "}")).map(without_braces).into_iter().collect(),
        "Fn::If" => argument.as_sequence().into_iter().flatten().skip(1).flat_map(names).collect(),
        "Ref" if argument.as_str() == Some("AWS::NoValue") => Vec::new(),
        _ => names(argument),
    };
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Sequence(list) => list.iter().flat_map(names).collect(),
        Value::Mapping(mapping) => {
            let calls = mapping.iter().filter_map(|(name, argument)| Some((name.as_str()?, argument)));
            calls.flat_map(|(name, argument)| of_call(name, argument)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Tagged(_) => Vec::new(),
    }
}

/// `${Table}/index/x` begins with the name, which needs no braces.
fn without_braces(text: String) -> String {
    match text.strip_prefix("${").and_then(|rest| rest.split_once('}')) {
        Some((name, rest)) if rest.is_empty() || rest.starts_with('/') => format!("{name}{rest}"),
        _ => text,
    }
}
