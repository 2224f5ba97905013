//! The queues whose messages functions take: from the events of functions, and from the mappings into which these are translated.

use std::collections::BTreeMap;

use serde_yaml_ng::Value;

use super::{FUNCTIONS, Resources, TemplateError, missing, names, text};

/// A queue whose messages a function takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventSource {
    /// The queue's logical name.
    pub(crate) queue: String,
    /// The binary of the function.
    pub(crate) function: String,
    /// The most messages in a batch.
    pub(crate) batch: i64,
    /// The most batches that are handed out at once.
    pub(crate) concurrency: usize,
}

impl<'a> Resources<'a> {
    /// Reads the queues from the events of functions, and from the mappings into which these are translated.
    pub(super) fn event_sources(
        &self,
        binaries: &BTreeMap<&'a str, String>,
        document: &Value,
    ) -> Result<Vec<EventSource>, TemplateError> {
        let functions = FUNCTIONS.into_iter().flat_map(|kind| self.iter(kind));
        let written = functions.flat_map(|(function, resource)| {
            let events = resource.get("Properties").and_then(|properties| properties.get("Events")?.as_mapping());
            let events = events.into_iter().flatten().filter(|(_, event)| text(event, "Type") == Some("SQS"));
            events.filter_map(move |(name, event)| Some((name.as_str()?, Some(function), event.get("Properties")?)))
        });
        let translated = self.iter("AWS::Lambda::EventSourceMapping").filter_map(|(name, mapping)| {
            let properties = mapping.get("Properties")?;
            let called = properties.get("FunctionName").map(names).unwrap_or_default();
            let function = binaries.keys().copied().find(|function| called.iter().any(|called| called == function));
            Some((name, function, properties))
        });
        let read = |(name, function, properties): (&str, Option<&str>, &Value)| {
            let function = function.and_then(|function| binaries.get(function)).cloned();
            let function = function.ok_or_else(|| missing(name, "FunctionName"))?;
            let source = properties.get("Queue").or_else(|| properties.get("EventSourceArn")).map(names);
            let queue = source.and_then(|names| names.first().cloned()).ok_or_else(|| missing(name, "Queue"))?;
            let batch = properties.get("BatchSize").and_then(Value::as_i64).unwrap_or(BATCH_DEFAULT);
            let scaling = properties.get("ScalingConfig").and_then(|scaling| scaling.get("MaximumConcurrency"));
            let concurrency = scaling.and_then(|value| number(document, value));
            let concurrency = concurrency.ok_or_else(|| missing(name, "MaximumConcurrency"))?;
            Ok(EventSource { queue, function, batch, concurrency })
        };
        written.chain(translated).map(read).collect()
    }
}

/// Lambda's own default.
const BATCH_DEFAULT: i64 = 10;

/// A number, or the default of the parameter that stands in its place.
fn number(document: &Value, value: &Value) -> Option<usize> {
    let parameter = value.get("Ref").and_then(Value::as_str);
    let value = match parameter {
        Some(name) => document.get("Parameters")?.get(name)?.get("Default")?,
        None => value,
    };
    value.as_u64().and_then(|number| usize::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use crate::Template;

    #[test]
    fn each_queue_has_its_function() {
        let template = Template::load().unwrap();
        let mut found: Vec<_> =
            template.event_sources.iter().map(|source| (source.queue.as_str(), source.function.as_str())).collect();
        found.sort_unstable();
        let expected = [("DeliveriesQueue", "deliver"), ("QuestionsQueue", "ask"), ("SlowDeliveriesQueue", "deliver")];
        assert_eq!(found, expected);
    }
}
