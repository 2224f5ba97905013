//! Reads `template.yaml`, so that the local stack has the routes, tables, queues and policies of the deployed one.
//!
//! If `MAXPAY_TEMPLATE` names a file, that file is read instead. CI has the template translated into plain CloudFormation, as AWS does when
//! it deploys, and runs the specs on the result.

mod event_sources;
mod intrinsics;

use std::{collections::BTreeMap, fs, time::Duration};

use serde_yaml_ng::{Mapping, Value};

use self::intrinsics::spelled_out;
pub(crate) use self::{event_sources::EventSource, intrinsics::names};
use crate::{Cors, Function};

/// The template that this stack was built with.
const TEMPLATE: &str = include_str!("../../../template.yaml");

/// What the stack needs from the template.
#[derive(Clone, Debug)]
pub struct Template {
    /// Every route, in the template's order.
    pub routes: Vec<Route>,
    /// The binary of the function that answers requests that no route takes.
    pub default_function: Option<String>,
    /// What pages of other origins may do.
    pub cors: Option<Cors>,
    /// What each function may do.
    pub grants: Vec<Grant>,
    /// The whole template, with short forms such as `!Ref X` written out.
    pub document: Value,
    /// What runs at set times, besides the sweep of each minute.
    pub(crate) schedules: Vec<Scheduled>,
    /// The tables, by their logical names, with their properties.
    pub(crate) tables: Vec<(String, Value)>,
    /// The queues, by their logical names, with their properties.
    pub(crate) queues: Vec<(String, Value)>,
    /// The queues whose messages are handed to a function.
    pub(crate) event_sources: Vec<EventSource>,
    /// How long each function may run, by its binary.
    pub(crate) timeouts: BTreeMap<String, Duration>,
}

/// One route of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `POST`, or `ANY`.
    pub method: String,
    /// `/notify/{app}/{mode}`. A final `{proxy+}` takes the rest.
    pub path: String,
    /// The binary of the function that answers.
    pub function: String,
}

/// An event that comes at set times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scheduled {
    /// `cron(20 2,3,4 * * ? *)`
    pub(crate) expression: String,
    /// The event itself, as JSON.
    pub(crate) input: String,
}

/// Something a function may do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The function, by the name of its binary.
    pub function: String,
    /// `dynamodb:Query`
    pub action: String,
    /// The logical name of the target: `TransactionsTable/index/by_time`; or a pattern of ARNs.
    pub resource: String,
    /// The partition keys for which it is allowed (`dynamodb:LeadingKeys`), as a pattern: `APP#*`. `*` means all.
    pub keys: String,
}

/// Why the template is not as expected here.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file named by `MAXPAY_TEMPLATE` cannot be read.
    #[error("the template {path} cannot be read")]
    File {
        /// Its path.
        path: String,
        /// The system's message.
        #[source]
        source: std::io::Error,
    },
    /// Not YAML.
    #[error("the template is not yaml")]
    Yaml(#[from] serde_yaml_ng::Error),
    /// Something is missing.
    #[error("the template: {resource} has no {what}")]
    Missing {
        /// The logical name of the resource.
        resource: String,
        /// What is missing.
        what: &'static str,
    },
}

impl Template {
    /// Reads the template that this stack was built with, or the file that replaces it.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn load() -> Result<Self, TemplateError> {
        match translated() {
            None => Self::parse(TEMPLATE),
            Some(path) => match fs::read_to_string(&path) {
                Ok(text) => Self::parse(&text),
                Err(source) => Err(TemplateError::File { path, source }),
            },
        }
    }

    fn parse(text: &str) -> Result<Self, TemplateError> {
        let document = spelled_out(serde_yaml_ng::from_str(text)?);
        let resources = Resources::of(&document);
        let binaries = resources.binaries()?;
        let routes = resources.routes(&binaries)?;
        let default_function = resources.default_function(&binaries);
        let cors = resources.cors()?;
        let grants = resources.grants(&binaries);
        let tables = resources.properties("AWS::DynamoDB::Table");
        let queues = resources.properties("AWS::SQS::Queue");
        let schedules = resources.schedules();
        let event_sources = resources.event_sources(&binaries, &document)?;
        let timeouts = resources.timeouts(&binaries, &document)?;
        Ok(Self {
            routes,
            default_function,
            cors,
            grants,
            document,
            schedules,
            tables,
            queues,
            event_sources,
            timeouts,
        })
    }

    /// How long a function may run.
    ///
    /// # Errors
    /// [`TemplateError::Missing`].
    pub fn timeout(&self, function: Function) -> Result<Duration, TemplateError> {
        self.timeouts.get(function.name()).copied().ok_or_else(|| missing(function.name(), "Timeout"))
    }

    /// The queues whose messages Lambda hands to a function (by its binary), by their logical names.
    pub fn queues_of<'a>(&'a self, function: &'a str) -> impl Iterator<Item = &'a str> {
        self.event_sources.iter().filter(move |source| source.function == function).map(|source| source.queue.as_str())
    }

    /// The same template, but its functions may run this many times as long.
    #[must_use]
    pub(crate) fn patient(mut self, patience: u32) -> Self {
        self.timeouts.values_mut().for_each(|timeout| *timeout *= patience);
        self
    }

    /// The route that takes a request, as API Gateway chooses it: an exact path goes before a path with variables, and that goes before
    /// `{proxy+}`.
    pub(crate) fn route(&self, method: &str, path: &str) -> Option<&Route> {
        let candidates = self.routes.iter().filter(|route| route.method == "ANY" || route.method == method);
        candidates
            .filter_map(|route| Some((fit(&route.path, path)?, route)))
            .min_by_key(|(looseness, _)| *looseness)
            .map(|(_, route)| route)
    }

    /// Whether a route has OPTIONS in its key for this path.
    pub(crate) fn has_options(&self, path: &str) -> bool {
        self.routes.iter().any(|route| route.method == "OPTIONS" && fit(&route.path, path).is_some())
    }
}

#[expect(clippy::disallowed_methods, reason = "the one switch for CI: which template the stack stands on")]
fn translated() -> Option<String> {
    std::env::var("MAXPAY_TEMPLATE").ok().filter(|path| !path.is_empty())
}

const API: &str = "AWS::ApiGatewayV2::Api";
const ROUTE: &str = "AWS::ApiGatewayV2::Route";
/// The key of the route for requests that no other route takes.
const DEFAULT: &str = "$default";
const FUNCTIONS: [&str; 2] = ["AWS::Serverless::Function", "AWS::Lambda::Function"];

/// The resources by their logical names.
struct Resources<'a>(&'a Mapping);

impl<'a> Resources<'a> {
    fn of(document: &'a Value) -> Self {
        static NONE: std::sync::LazyLock<Mapping> = std::sync::LazyLock::new(Mapping::new);
        Self(document.get("Resources").and_then(Value::as_mapping).unwrap_or(&NONE))
    }

    fn iter(&self, kind: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let named = self.0.iter().filter_map(|(name, resource)| Some((name.as_str()?, resource)));
        named.filter(move |(_, resource)| text(resource, "Type") == Some(kind))
    }

    fn properties(&self, kind: &str) -> Vec<(String, Value)> {
        let properties = |resource: &Value| resource.get("Properties").cloned().unwrap_or_default();
        self.iter(kind).map(|(name, resource)| (name.to_owned(), properties(resource))).collect()
    }

    /// The binary of each function, by its logical name.
    fn binaries(&self) -> Result<BTreeMap<&'a str, String>, TemplateError> {
        let functions = FUNCTIONS.into_iter().flat_map(|kind| self.iter(kind));
        let binary = |(name, resource): (&'a str, &'a Value)| {
            let binary = resource.get("Metadata").and_then(|about| text(about.get("BuildProperties")?, "Binary"));
            Ok((name, binary.ok_or_else(|| missing(name, "Binary"))?.to_owned()))
        };
        functions.map(binary).collect()
    }

    fn routes(&self, binaries: &BTreeMap<&str, String>) -> Result<Vec<Route>, TemplateError> {
        let read = |(name, resource): (&str, &Value)| {
            let of = |key| resource.get("Properties").and_then(|properties| properties.get(key));
            let key = of("RouteKey").and_then(Value::as_str).and_then(|key| key.split_once(' '));
            let (method, path) = key.ok_or_else(|| missing(name, "RouteKey"))?;
            let function = of("Target").and_then(|target| self.function_behind(target, binaries));
            let function = function.ok_or_else(|| missing(name, "Target"))?;
            Ok(Route { method: method.to_owned(), path: path.to_owned(), function })
        };
        self.iter(ROUTE).filter(|(_, route)| !is_default(route)).map(read).collect()
    }

    fn default_function(&self, binaries: &BTreeMap<&str, String>) -> Option<String> {
        let (_, route) = self.iter(ROUTE).find(|(_, route)| is_default(route))?;
        self.function_behind(route.get("Properties")?.get("Target")?, binaries)
    }

    fn cors(&self) -> Result<Option<Cors>, TemplateError> {
        let configured = self.iter(API).find_map(|(_, api)| api.get("Properties")?.get("CorsConfiguration"));
        Ok(configured.cloned().map(serde_yaml_ng::from_value).transpose()?)
    }

    /// Finds the function of a route's target. `integrations/${ChargeIntegration}` names an integration, and its `IntegrationUri` names a
    /// function.
    fn function_behind(&self, target: &Value, binaries: &BTreeMap<&str, String>) -> Option<String> {
        let integration = names(target).into_iter().find_map(|text| {
            let (_, name) = text.split_once("${")?;
            self.0.get(name.trim_end_matches('}'))
        })?;
        let uri = names(integration.get("Properties")?.get("IntegrationUri")?);
        uri.iter().find_map(|name| binaries.get(name.as_str())).cloned()
    }

    /// The schedules among the events of functions, and among the rules into which these are translated.
    fn schedules(&self) -> Vec<Scheduled> {
        let functions = FUNCTIONS.into_iter().flat_map(|kind| self.iter(kind));
        let events = functions.filter_map(|(_, function)| function.get("Properties")?.get("Events")?.as_mapping());
        let written = events.flat_map(Mapping::values).filter_map(|event| {
            let properties = event.get("Properties")?;
            Some((text(properties, "Schedule")?, text(properties, "Input")?))
        });
        let rules = self.iter("AWS::Events::Rule").filter_map(|(_, rule)| {
            let properties = rule.get("Properties")?;
            let target = properties.get("Targets")?.as_sequence()?.first()?;
            Some((text(properties, "ScheduleExpression")?, text(target, "Input")?))
        });
        let scheduled = |(expression, input): (&str, &str)| Scheduled {
            expression: expression.to_owned(),
            input: input.to_owned(),
        };
        written.chain(rules).map(scheduled).collect()
    }

    /// Each function's own timeout, or the common one.
    fn timeouts(
        &self,
        binaries: &BTreeMap<&'a str, String>,
        document: &Value,
    ) -> Result<BTreeMap<String, Duration>, TemplateError> {
        let of_all = document.get("Globals").and_then(|globals| globals.get("Function")?.get("Timeout"));
        let functions = FUNCTIONS.into_iter().flat_map(|kind| self.iter(kind));
        let read = |(name, function): (&str, &Value)| {
            let own = function.get("Properties").and_then(|properties| properties.get("Timeout"));
            let seconds = own.or(of_all).and_then(Value::as_u64).ok_or_else(|| missing(name, "Timeout"))?;
            let binary = binaries.get(name).cloned().unwrap_or_default();
            Ok((binary, Duration::from_secs(seconds)))
        };
        functions.map(read).collect()
    }

    fn grants(&self, binaries: &BTreeMap<&str, String>) -> Vec<Grant> {
        let functions = FUNCTIONS.into_iter().flat_map(|kind| self.iter(kind));
        let mut grants = Vec::new();
        for (name, resource) in functions {
            let Some(function) = binaries.get(name) else { continue };
            for statement in self.statements(resource) {
                let (Some(actions), Some(resources)) = (statement.get("Action"), statement.get("Resource")) else {
                    continue;
                };
                let (resources, keys) = (names(resources), leading_keys(statement));
                let of = |action: &String| {
                    let grant = |(resource, keys): (&String, &String)| Grant {
                        function: function.clone(),
                        action: action.clone(),
                        resource: resource.clone(),
                        keys: keys.clone(),
                    };
                    let each = |resource| keys.iter().map(move |keys| (resource, keys));
                    resources.iter().flat_map(each).map(grant).collect::<Vec<_>>()
                };
                grants.extend(names(actions).iter().flat_map(of));
            }
        }
        grants.sort();
        grants
    }

    /// The statements of a function's policies. In the translated template they belong to a role.
    fn statements(&self, function: &'a Value) -> Vec<&'a Value> {
        let Some(properties) = function.get("Properties") else { return Vec::new() };
        let role = properties.get("Role").and_then(|role| self.0.get(names(role).first()?.as_str()));
        let owner = role.and_then(|role| role.get("Properties")).unwrap_or(properties);
        let policies = owner.get("Policies").and_then(Value::as_sequence).into_iter().flatten();
        let statements = policies.filter_map(|policy| {
            let document = policy.get("PolicyDocument").unwrap_or(policy);
            document.get("Statement").and_then(Value::as_sequence)
        });
        // `Fn::If` chooses between a statement and nothing.
        let plain = |statement: &'a Value| match statement.get("Fn::If").and_then(Value::as_sequence) {
            Some(choice) => choice.iter().filter(|one| one.get("Action").is_some()).collect(),
            None => vec![statement],
        };
        statements.flatten().flat_map(plain).collect()
    }
}

fn is_default(route: &Value) -> bool {
    route.get("Properties").and_then(|properties| text(properties, "RouteKey")) == Some(DEFAULT)
}

/// The patterns of partition keys that a statement is limited to. Without a limit, any key.
fn leading_keys(statement: &Value) -> Vec<String> {
    let condition = statement.get("Condition").and_then(|condition| condition.get("ForAllValues:StringLike"));
    let patterns = condition.and_then(|condition| condition.get("dynamodb:LeadingKeys"));
    patterns.map_or_else(|| vec!["*".to_owned()], names)
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

fn missing(resource: &str, what: &'static str) -> TemplateError {
    TemplateError::Missing { resource: resource.to_owned(), what }
}

/// How loosely `pattern` matches `path`: the number of variables, or many for a `{proxy+}`. `None` if it does not match.
fn fit(pattern: &str, path: &str) -> Option<usize> {
    const PROXY: usize = 1000;
    let mut segments = path.split('/');
    let mut looseness = 0;
    for part in pattern.split('/') {
        let segment = segments.next()?;
        if part == "{proxy+}" {
            return (!segment.is_empty()).then_some(looseness + PROXY);
        } else if part.starts_with('{') {
            looseness += 1;
        }
        let fits = if part.starts_with('{') { !segment.is_empty() } else { part == segment };
        if !fits {
            return None;
        }
    }
    segments.next().is_none().then_some(looseness)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn routes_are_chosen_as_api_gateway_does() {
        let template = Template::load().unwrap();
        let check = |method: &str, path: &str, expect: Option<&str>| {
            assert_eq!(template.route(method, path).map(|route| route.function.as_str()), expect, "{method} {path}");
        };
        check("POST",   "/2.0/maxpay/bill",        Some("charge"));
        check("GET",    "/2.0/maxpay/bill",        None);
        check("GET",    "/2.0/maxpay/records",     Some("query"));
        check("POST",   "/notify/a/b/c/d/e",       Some("provider-notify"));
        check("POST",   "/notify/a/b/c/d",         None);
        check("POST",   "/notify/a/b/c/d/e/f",     None);
        check("DELETE", "/admin/v1/apps/x/y",      Some("admin"));
        check("GET",    "/admin/v1/",              None);
    }

    /// The worst case: a target that does not answer, and a slow storage. The attempt must still be counted.
    #[test]
    fn the_longest_batch_of_deliveries_is_shorter_than_its_function_may_take() {
        let timeout = Template::load().unwrap().timeout(Function::Deliver).unwrap();
        assert!(deliver::LONGEST < timeout, "{:?} of {timeout:?}", deliver::LONGEST);
    }

    #[test]
    fn the_longest_batch_of_questions_is_shorter_than_its_function_may_take() {
        let timeout = Template::load().unwrap().timeout(Function::Ask).unwrap();
        assert!(ask::LONGEST < timeout, "{:?} of {timeout:?}", ask::LONGEST);
        // A bill whose time is over is asked about, closed, and asked about once more.
        assert!(settlement::ASKING_BOUNDS.deadline * 3 < ask::LONGEST);
    }

    /// The same function as it is written, and as it is translated.
    #[test]
    fn a_function_may_do_the_same_in_either_form() {
        let written = r#"
Resources:
  PayFunction:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: pay } }
    Properties:
      Timeout: 3
      Policies:
        - Statement:
            - Effect: Allow
              Action: [dynamodb:Query, dynamodb:GetItem]
              Resource: !GetAtt Table.Arn
              Condition: { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["A#*", B] } }
            - !If [Some, { Effect: Allow, Action: dynamodb:Query, Resource: [!Sub "${Table.Arn}/index/x"] }, !Ref AWS::NoValue]
"#;
        let translated = r#"{"Resources": {
            "PayFunction": {"Type": "AWS::Lambda::Function", "Metadata": {"BuildProperties": {"Binary": "pay"}},
                "Properties": {"Timeout": 3, "Role": {"Fn::GetAtt": ["PayFunctionRole", "Arn"]}}},
            "PayFunctionRole": {"Type": "AWS::IAM::Role", "Properties": {"Policies": [{"PolicyDocument": {"Statement": [
                {"Effect": "Allow", "Action": ["dynamodb:Query", "dynamodb:GetItem"], "Resource": {"Fn::GetAtt": ["Table", "Arn"]}, "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["A#*", "B"]}}},
                {"Fn::If": ["Some", {"Effect": "Allow", "Action": "dynamodb:Query", "Resource": [{"Fn::Sub": "${Table.Arn}/index/x"}]}, {"Ref": "AWS::NoValue"}]}
            ]}}]}}}}"#;
        let expected = [
            ("dynamodb:GetItem", "Table", "A#*"),
            ("dynamodb:GetItem", "Table", "B"),
            ("dynamodb:Query", "Table", "A#*"),
            ("dynamodb:Query", "Table", "B"),
            ("dynamodb:Query", "Table/index/x", "*"),
        ];
        for text in [written, translated] {
            let grants = Template::parse(text).unwrap().grants;
            let found: Vec<_> = grants
                .iter()
                .map(|grant| (grant.action.as_str(), grant.resource.as_str(), grant.keys.as_str()))
                .collect();
            assert_eq!(found, expected);
        }
    }
}
