//! Reads `template.yaml`, so that the local stack has the routes, tables and queues of the deployed one.

use serde_yaml_ng::Value;

/// The template this stack was built with.
const TEMPLATE: &str = include_str!("../../../template.yaml");

/// What the stack needs of the template.
#[derive(Clone, Debug)]
pub struct Template {
    /// Every route, in the template's order.
    pub routes: Vec<Route>,
    /// The tables, by their logical names, with their properties.
    pub(crate) tables: Vec<(String, Value)>,
    /// The queues, by their logical names, with their properties.
    pub(crate) queues: Vec<(String, Value)>,
}

/// One route of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `POST`, or `ANY`.
    pub method: String,
    /// `/notify/{app}/{mode}`; a last `{proxy+}` takes the rest.
    pub path: String,
    /// The binary of the function that answers.
    pub function: String,
}

/// The template is not as it is expected here.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// Not YAML.
    #[error("template.yaml cannot be read")]
    Yaml(#[from] serde_yaml_ng::Error),
    /// Something is missing.
    #[error("template.yaml: {resource} has no {what}")]
    Missing {
        /// The logical name of the resource.
        resource: String,
        /// What is missing.
        what: &'static str,
    },
}

impl Template {
    /// Reads the template this stack was built with.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn load() -> Result<Self, TemplateError> {
        let document: Value = serde_yaml_ng::from_str(TEMPLATE)?;
        let mut template = Self { routes: Vec::new(), tables: Vec::new(), queues: Vec::new() };
        let resources = document.get("Resources").and_then(Value::as_mapping);
        for (name, resource) in resources.into_iter().flatten() {
            let name = name.as_str().unwrap_or_default().to_owned();
            let properties = resource.get("Properties").cloned().unwrap_or_default();
            match resource.get("Type").and_then(Value::as_str) {
                Some("AWS::Serverless::Function") => template.routes.extend(read_routes(&name, resource, &properties)?),
                Some("AWS::DynamoDB::Table") => template.tables.push((name, properties)),
                Some("AWS::SQS::Queue") => template.queues.push((name, properties)),
                _ => {}
            }
        }
        Ok(template)
    }

    /// The route that takes a request, as API Gateway chooses it: an exact path before one with variables, those
    /// before `{proxy+}`.
    pub(crate) fn route(&self, method: &str, path: &str) -> Option<&Route> {
        let candidates = self.routes.iter().filter(|route| route.method == "ANY" || route.method == method);
        candidates
            .filter_map(|route| Some((fit(&route.path, path)?, route)))
            .min_by_key(|(looseness, _)| *looseness)
            .map(|(_, route)| route)
    }
}

fn read_routes(name: &str, resource: &Value, properties: &Value) -> Result<Vec<Route>, TemplateError> {
    let missing = |what| TemplateError::Missing { resource: name.to_owned(), what };
    let text = |value: &Value, what| value.as_str().map(str::to_owned).ok_or_else(|| missing(what));
    let binary = resource.get("Metadata").and_then(|metadata| metadata.get("BuildProperties")?.get("Binary"));
    let function = text(binary.unwrap_or(&Value::Null), "Binary")?;
    let events = properties.get("Events").and_then(Value::as_mapping).ok_or_else(|| missing("Events"))?;
    let http = events.values().filter(|event| event.get("Type").and_then(Value::as_str) == Some("HttpApi"));
    http.map(|event| {
        let of = |key| event.get("Properties").and_then(|properties| properties.get(key)).unwrap_or(&Value::Null);
        let (method, path) = (text(of("Method"), "Method")?, text(of("Path"), "Path")?);
        Ok(Route { method, path, function: function.clone() })
    })
    .collect()
}

/// How loosely `pattern` takes `path`: the number of variables, or many for a `{proxy+}`; `None` if it does not.
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
        check("GET",    "/",                       None);
    }
}
