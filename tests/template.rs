//! Compares `template.yaml` and `infra/watch.yaml` with what the code reads, waits for and measures.

#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use local::{Function, METRICS_NAMESPACE, Metric, STACK, Template};
use serde_yaml_ng::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The text of every source file below a folder.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &sources(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &fs::read_to_string(path).unwrap();
        }
    }
    text
}

/// Every word that begins with `begin`.
fn words<'a>(text: &'a str, begin: &str) -> BTreeSet<&'a str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with(begin) && *word != begin).collect()
}

fn resources(template: &Template) -> Vec<(&str, &str, &Value)> {
    let resources = template.document["Resources"].as_mapping().unwrap().iter();
    resources
        .map(|(name, resource)| (name.as_str().unwrap(), resource["Type"].as_str().unwrap(), &resource["Properties"]))
        .collect()
}

/// The functions by the names of their binaries, with their properties.
fn functions(template: &Template) -> BTreeMap<String, &Value> {
    let binary = |name: &str| template.document["Resources"][name]["Metadata"]["BuildProperties"]["Binary"].clone();
    let of_kind = resources(template).into_iter().filter(|(_, kind, _)| *kind == "AWS::Serverless::Function");
    of_kind.map(|(name, _, properties)| (binary(name).as_str().unwrap().to_owned(), properties)).collect()
}

fn names(variables: &Value) -> BTreeSet<String> {
    let variables = variables["Environment"]["Variables"].as_mapping();
    variables.into_iter().flatten().map(|(name, _)| name.as_str().unwrap().to_owned()).collect()
}

fn timeout(template: &Template, function: &Value) -> u64 {
    let own = function["Timeout"].as_u64();
    own.unwrap_or_else(|| template.document["Globals"]["Function"]["Timeout"].as_u64().unwrap())
}

#[test]
fn the_environment_is_what_the_code_reads() {
    let template = Template::load().unwrap();
    let code = sources(&root().join("infra/runtime/src"));
    let read: BTreeSet<String> = words(&code, "MAXPAY_").into_iter().map(str::to_owned).collect();
    let everyone = names(&template.document["Globals"]["Function"]);
    let functions = functions(&template);
    let told: BTreeSet<String> =
        functions.values().flat_map(|function| names(function)).chain(everyone.clone()).collect();
    assert_eq!(told, read);
    // Every function must have what `variable` reads; `find_variable` accepts a missing one.
    for name in &read {
        let needed =
            code.contains(&format!(r#" variable("{name}")"#)) || code.contains(&format!(r#"(variable("{name}")"#));
        // An empty list of targets is valid, and a stack without a front has no secret of it. During a deployment, new code must also start in the previous environment, which lacks
        // the two newer queues.
        let may_be_missing = [
            "MAXPAY_ALLOWED_TARGETS",
            "MAXPAY_SLOW_DELIVERIES_QUEUE_URL",
            "MAXPAY_QUESTIONS_QUEUE_URL",
            "MAXPAY_ORIGIN_SECRET",
        ]
        .contains(&name.as_str());
        assert_eq!(needed || may_be_missing, everyone.contains(name), "{name}: needed, and given to every function");
    }
}

#[test]
fn a_function_has_time_for_what_it_waits_for() {
    let template = Template::load().unwrap();
    for (binary, function) in functions(&template) {
        let code = sources(&root().join("functions").join(&binary).join("src"));
        let deadlines = code.split("deadline: Duration::from_secs(").skip(1);
        let deadlines = deadlines.map(|rest| rest.split(')').next().unwrap().parse::<u64>().unwrap());
        let (longest, timeout) = (deadlines.max().unwrap_or(0), timeout(&template, function));
        // Besides this wait, the function's reads and writes take attempts of two seconds each.
        assert!(longest + 4 <= timeout, "{binary}: waits {longest} s of {timeout}");
        // API Gateway waits at most 30 s.
        let answers_http = template.routes.iter().any(|route| route.function == binary);
        assert!(!answers_http || timeout <= 29, "{binary}: {timeout}");
    }
}

/// A route without settings of its own shares the defaults with others. If the stage does not depend on a route, the deployment
/// fails.
#[test]
fn a_flood_at_one_route_takes_nothing_from_another() {
    let template = Template::load().unwrap();
    let routes = resources(&template).into_iter().filter(|(_, kind, _)| *kind == "AWS::ApiGatewayV2::Route");
    let (names, keys): (BTreeSet<_>, BTreeSet<_>) =
        routes.map(|(name, _, properties)| (name, properties["RouteKey"].as_str().unwrap())).unzip();
    let stage = &template.document["Resources"]["ApiStage"];
    let waited_for: BTreeSet<_> =
        stage["DependsOn"].as_sequence().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(waited_for, names);
    let settings = stage["Properties"]["RouteSettings"].as_mapping().unwrap();
    assert_eq!(settings.keys().map(|key| key.as_str().unwrap()).collect::<BTreeSet<_>>(), keys);
    for (key, settings) in settings {
        let has = |name: &str| settings.get(name).is_some_and(|value| value.get("Ref").is_some());
        assert!(has("ThrottlingRateLimit") && has("ThrottlingBurstLimit"), "{key:?}");
        assert_eq!(settings["DetailedMetricsEnabled"].as_bool(), Some(true), "{key:?}");
    }
}

#[test]
fn the_table_of_times_in_the_architecture_is_the_templates() {
    let template = Template::load().unwrap();
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let section = text.split("\n## Time\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut written = BTreeMap::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let seconds: u64 = cells[2].trim_end_matches(" s").parse().unwrap();
        written.extend(cells[1].split(", ").map(|name| (name.trim_matches('`').to_owned(), seconds)));
    }
    let functions = functions(&template);
    let real = functions.iter().map(|(name, function)| (name.clone(), timeout(&template, function)));
    assert_eq!(written, real.collect());
}

#[test]
fn every_function_is_built_traced_logged_and_encrypted_alike() {
    let template = Template::load().unwrap();
    let globals = &template.document["Globals"]["Function"];
    assert_eq!((globals["Tracing"].as_str(), globals["Runtime"].as_str()), (Some("Active"), Some("provided.al2023")));
    assert!(globals["KmsKeyArn"].is_mapping() && globals["LoggingConfig"]["LogGroup"].is_mapping());
    for (binary, function) in functions(&template) {
        assert_eq!(function["CodeUri"].as_str(), Some(format!("functions/{binary}").as_str()));
        let own = ["Tracing", "Runtime", "KmsKeyArn", "LoggingConfig", "Role", "FunctionName"];
        let found: Vec<_> = own.into_iter().filter(|name| function.get(name).is_some()).collect();
        // A function without secrets needs no key.
        let expected: &[&str] = if binary == "unrouted" { &["KmsKeyArn", "Role"] } else { &["Role"] };
        assert_eq!(found, expected, "{binary}");
    }
    let deployed: BTreeSet<String> = functions(&template).into_keys().collect();
    assert_eq!(deployed, Function::ALL.map(|function| function.name().to_owned()).into());
}

/// `local::Function` is the list of functions. Texts and settings that repeat the list must be complete.
#[test]
fn every_list_of_functions_has_each_of_them() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let (map, security, watch) = (read("ARCHITECTURE.md"), read("docs/security.md"), read("infra/watch.yaml"));
    let law = map.lines().find_map(|line| line.split_once("functions/{")?.1.strip_suffix('}')).unwrap();
    let by_law: BTreeSet<&str> = law.split(',').collect();
    assert_eq!(by_law, Function::ALL.map(Function::name).into(), "ARCHITECTURE.md, the law of dependence");
    let (watched, template): (Value, Value) =
        (serde_yaml_ng::from_str(&watch).unwrap(), Template::load().unwrap().document);
    let nested = &template["Resources"]["Watch"]["Properties"]["Parameters"];
    for function in Function::ALL.map(Function::name) {
        assert!(map.contains(&format!("\n  {function}/")), "ARCHITECTURE.md, code map: {function}");
        assert!(security.contains(&format!("`{function}`")), "docs/security.md, who can read what: {function}");
        // `provider-notify` is the resource `ProviderNotifyFunction`, and the parameter `ProviderNotify` of its alarms.
        let title = |word: &str| word.chars().next().unwrap().to_uppercase().chain(word.chars().skip(1)).collect();
        let name = function.split('-').map(title).collect::<Vec<String>>().concat();
        assert_eq!(nested[&name]["Ref"].as_str(), Some(format!("{name}Function").as_str()), "template.yaml, Watch");
        assert!(watched["Parameters"][&name].is_mapping(), "infra/watch.yaml, Parameters: {name}");
        let errors = format!("MetricName: Errors, Dimensions: [{{ Name: FunctionName, Value: !Ref {name} }}]");
        assert!(watch.contains(&errors), "infra/watch.yaml, FunctionErrors: {name}");
    }
    let summed = watch.lines().find(|line| line.contains("Label: Errors of all functions")).unwrap();
    assert_eq!(summed.matches("FILL(").count(), Function::ALL.len(), "infra/watch.yaml, errors of all functions");
}

/// SAM gives managed policies to a function without a role, and those reach every queue and log of the account.
#[test]
fn every_function_has_a_role_of_its_own_and_no_managed_policy() {
    let template = Template::load().unwrap();
    let mut roles = BTreeSet::new();
    for (binary, function) in functions(&template) {
        assert!(function.get("Policies").is_none(), "{binary}: its policies belong to its role");
        let role = function["Role"]["Fn::GetAtt"][0].as_str().unwrap_or_else(|| panic!("{binary} has no Role"));
        assert!(roles.insert(role.to_owned()), "{role} has two functions");
        let properties = &template.document["Resources"][role]["Properties"];
        assert!(properties.get("ManagedPolicyArns").is_none(), "{role}");
        let trusted = &properties["AssumeRolePolicyDocument"]["Statement"];
        assert_eq!(trusted[0]["Principal"]["Service"].as_str(), Some("lambda.amazonaws.com"), "{role}");
        assert_eq!(trusted.as_sequence().unwrap().len(), 1, "{role}");
    }
    let written = resources(&template).into_iter().filter(|(_, kind, _)| *kind == "AWS::IAM::Role");
    assert_eq!(written.map(|(name, _, _)| name.to_owned()).collect::<BTreeSet<_>>(), roles);
    for grant in &template.grants {
        assert!(!grant.action.ends_with(":*") && grant.action != "*", "{grant:?}");
        assert!(grant.resource != "*" || grant.action.starts_with("xray:"), "{grant:?}");
    }
}

#[test]
fn only_iam_decides_who_uses_the_key() {
    let template = Template::load().unwrap();
    let statements = &template.document["Resources"]["Key"]["Properties"]["KeyPolicy"]["Statement"];
    let [statement] = <[&Value; 1]>::try_from(statements.as_sequence().unwrap().iter().collect::<Vec<_>>()).unwrap();
    let account = "arn:${AWS::Partition}:iam::${AWS::AccountId}:root";
    assert_eq!(statement["Principal"]["AWS"]["Fn::Sub"].as_str(), Some(account));
}

#[test]
fn what_no_route_takes_reaches_a_function_without_rights_and_secrets() {
    let template = Template::load().unwrap();
    assert_eq!(template.default_function.as_deref(), Some("unrouted"));
    let actions: Vec<_> =
        template.grants.iter().filter(|grant| grant.function == "unrouted").map(|grant| &grant.action).collect();
    let about_itself = |action: &&String| action.starts_with("logs:") || action.starts_with("xray:");
    assert!(actions.iter().all(about_itself), "{actions:?}");
    let unrouted = functions(&template)["unrouted"];
    assert_eq!(unrouted["Environment"]["Variables"]["MAXPAY_SEALING_KEY"].as_str(), Some("none"));
    assert_eq!(unrouted["Environment"]["Variables"]["MAXPAY_ORIGIN_SECRET"].as_str(), Some(""));
    assert_eq!(unrouted["KmsKeyArn"]["Ref"].as_str(), Some("AWS::NoValue"));
}

/// API Gateway escapes nothing in an access log. A caller's own words could end a line's JSON, and write another line's.
#[test]
fn no_word_of_a_caller_is_in_the_access_log() {
    const NOT_THE_CALLERS: [&str; 10] = [
        "requestId",
        "requestTime",
        "identity.sourceIp",
        "routeKey",
        "status",
        "responseLength",
        "responseLatency",
        "integrationLatency",
        "integrationStatus",
        "error.responseType",
    ];
    let template = Template::load().unwrap();
    let stage = &template.document["Resources"]["ApiStage"]["Properties"];
    let format = stage["AccessLogSettings"]["Format"].as_str().unwrap();
    let line: BTreeMap<String, String> = serde_json::from_str(format).unwrap();
    let variables: BTreeSet<_> = line.values().map(|value| value.strip_prefix("$context.").unwrap()).collect();
    assert_eq!(variables, NOT_THE_CALLERS.into());
}

/// The front sends the secret under the name that the functions look for, and states the viewer's address.
#[test]
fn the_front_says_what_the_functions_look_for() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let front: Value = serde_yaml_ng::from_str(&read("infra/front.yaml")).unwrap();
    let code = read("infra/runtime/src/front.rs");
    let distribution = &front["Resources"]["Distribution"]["Properties"]["DistributionConfig"];
    let secret = distribution["Origins"][0]["OriginCustomHeaders"][0]["HeaderName"].as_str().unwrap();
    let policy = &front["Resources"]["Requests"]["Properties"]["OriginRequestPolicyConfig"]["HeadersConfig"];
    let address = policy["Headers"][0].as_str().unwrap();
    for name in [secret, address] {
        assert!(code.contains(&format!(r#""{}";"#, name.to_lowercase())), "{name}");
    }
}

#[test]
fn pages_of_other_origins_may_send_what_clients_send_and_no_secret() {
    let cors = Template::load().unwrap().cors.unwrap();
    let clients = ["appid", "apikey", "request-sign", "session-token"];
    let prefixed = ["x-ml-", "x-las-"].into_iter().flat_map(|prefix| clients.map(|name| format!("{prefix}{name}")));
    let expected: BTreeSet<String> = prefixed.chain(["content-type".to_owned()]).collect();
    assert_eq!(cors.allow_headers.iter().cloned().collect::<BTreeSet<_>>(), expected);
    assert_eq!((cors.allow_origins, cors.max_age), (vec!["*".to_owned()], 86_400));
    assert_eq!(cors.allow_methods, ["GET", "POST"]);
}

#[test]
fn only_admin_can_seal_a_session_of_the_console() {
    let template = Template::load().unwrap();
    let has_key = |part: &serde_yaml_ng::Value| format!("{part:?}").contains("ConsoleKey");
    assert!(!has_key(&template.document["Globals"]));
    let holders = functions(&template).into_iter().filter(|(_, function)| has_key(function));
    assert_eq!(holders.map(|(binary, _)| binary).collect::<Vec<_>>(), ["admin"]);
}

#[test]
fn what_holds_money_outlives_the_stack() {
    let template = Template::load().unwrap();
    for name in ["TransactionsTable", "ConfigurationTable", "Key", "SealingKey"] {
        let resource = &template.document["Resources"][name];
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(resource[policy].as_str(), Some("Retain"), "{name} {policy}");
        }
    }
    for (name, _, table) in resources(&template).into_iter().filter(|(_, kind, _)| *kind == "AWS::DynamoDB::Table") {
        assert_eq!(table["BillingMode"].as_str(), Some("PAY_PER_REQUEST"), "{name}");
        assert_eq!(table["DeletionProtectionEnabled"].as_bool(), Some(true), "{name}");
        assert_eq!(
            table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"].as_bool(),
            Some(true),
            "{name}"
        );
        assert_eq!(table["SSESpecification"]["SSEType"].as_str(), Some("KMS"), "{name}");
        assert_eq!(table["TimeToLiveSpecification"]["AttributeName"].as_str(), Some("ttl"), "{name}");
    }
}

#[test]
fn the_queue_gives_a_delivery_its_time_and_loses_nothing() {
    const FOURTEEN_DAYS: u64 = 14 * 24 * 3600;
    let template = Template::load().unwrap();
    let resource = |name: &str| &template.document["Resources"][name]["Properties"];
    assert_eq!(resource("DeadLetters")["MessageRetentionPeriod"].as_u64(), Some(FOURTEEN_DAYS));
    let deliver = functions(&template)["deliver"];
    let events: Vec<_> = deliver["Events"].as_mapping().unwrap().values().collect();
    let mut lanes = Vec::new();
    for event in events {
        assert_eq!(event["Type"].as_str(), Some("SQS"));
        let properties = &event["Properties"];
        assert_eq!(properties["FunctionResponseTypes"][0].as_str(), Some("ReportBatchItemFailures"));
        assert!(properties["ScalingConfig"]["MaximumConcurrency"].is_mapping());
        let name = properties["Queue"]["Fn::GetAtt"][0].as_str().unwrap();
        let queue = resource(name);
        assert_eq!(queue["MessageRetentionPeriod"].as_u64(), Some(FOURTEEN_DAYS));
        assert!(queue["VisibilityTimeout"].as_u64().unwrap() >= 6 * timeout(&template, deliver));
        assert_eq!(queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0].as_str(), Some("DeadLetters"));
        // A message is received again three times, after waits that the function sets. Then it is a dead letter.
        assert_eq!(queue["RedrivePolicy"]["maxReceiveCount"].as_u64(), Some(4));
        lanes.push(name);
    }
    assert_eq!(lanes, ["DeliveriesQueue", "SlowDeliveriesQueue"]);
}

#[test]
fn a_question_has_its_time_and_is_worth_nothing_once_it_was_sent_again() {
    let template = Template::load().unwrap();
    let ask = functions(&template)["ask"];
    let [event] = <[&Value; 1]>::try_from(ask["Events"].as_mapping().unwrap().values().collect::<Vec<_>>()).unwrap();
    let properties = &event["Properties"];
    assert_eq!(event["Type"].as_str(), Some("SQS"));
    assert_eq!(properties["FunctionResponseTypes"][0].as_str(), Some("ReportBatchItemFailures"));
    assert_eq!(properties["ScalingConfig"]["MaximumConcurrency"]["Ref"].as_str(), Some("QuestionConcurrency"));
    let name = properties["Queue"]["Fn::GetAtt"][0].as_str().unwrap();
    let queue = &template.document["Resources"][name]["Properties"];
    let seconds = |name: &str| queue[name].as_u64().unwrap();
    assert!(seconds("VisibilityTimeout") >= 6 * timeout(&template, ask));
    let receives = queue["RedrivePolicy"]["maxReceiveCount"].as_u64().unwrap();
    assert_eq!(queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0].as_str(), Some("DeadLetters"));
    // A message that is not a question becomes a dead letter before the queue's retention ends.
    assert!(receives * seconds("VisibilityTimeout") < seconds("MessageRetentionPeriod"));
    assert_eq!(seconds("MessageRetentionPeriod"), 15 * 60);
}

/// Nobody waits for the answer of an event of the schedule. API Gateway and SQS wait for theirs.
#[test]
fn the_event_of_a_failed_run_is_kept() {
    let template = Template::load().unwrap();
    for (binary, function) in functions(&template) {
        let events = function.get("Events").and_then(Value::as_mapping);
        let is_scheduled =
            events.is_some_and(|all| all.values().any(|event| event["Type"].as_str() == Some("Schedule")));
        let kept = function["DeadLetterQueue"]["TargetArn"]["Fn::GetAtt"][0].as_str();
        assert_eq!(kept, is_scheduled.then_some("FailedRuns"), "{binary}");
    }
}

/// The local stack runs this schedule, and the alarm depends on it.
#[test]
fn the_sweep_comes_each_minute() {
    let template = Template::load().unwrap();
    let sweep = functions(&template)["sweep"];
    let events = sweep["Events"].as_mapping().unwrap().values();
    let schedules: Vec<_> = events.filter_map(|event| event["Properties"]["Schedule"].as_str()).collect();
    assert!(schedules.contains(&"rate(1 minute)"), "{schedules:?}");
    let control = fs::read_to_string(root().join("infra/local/src/control.rs")).unwrap();
    assert!(control.contains("const SWEEP_MS: i64 = 60_000;"));
}

/// Every string in a value.
fn strings(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Sequence(list) => list.iter().for_each(|value| strings(value, into)),
        Value::Mapping(map) => map.values().for_each(|value| strings(value, into)),
        Value::Tagged(tagged) => strings(&tagged.value, into),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn alarms_and_dashboard_watch_what_the_code_measures() {
    let known: BTreeMap<&str, &[&str]> = Metric::all().map(|metric| (metric.name, metric.dimensions)).collect();
    let watch: Value = serde_yaml_ng::from_str(&fs::read_to_string(root().join("infra/watch.yaml")).unwrap()).unwrap();
    let mut watched = BTreeSet::new();
    for (name, alarm) in watch["Resources"].as_mapping().unwrap() {
        let alarm = &alarm["Properties"];
        if alarm["Namespace"].as_str() != Some(METRICS_NAMESPACE) {
            continue;
        }
        let metric = alarm["MetricName"].as_str().unwrap();
        let dimensions = known.get(metric).unwrap_or_else(|| panic!("{name:?}: no metric {metric}"));
        let used: Vec<_> =
            alarm["Dimensions"].as_sequence().unwrap().iter().map(|one| one["Name"].as_str().unwrap()).collect();
        let whole: Vec<_> = [&[STACK], *dimensions].concat();
        assert!(used == [STACK] || used == whole, "{name:?}: {metric} has no dimensions {used:?}");
        watched.insert(metric.to_owned());
    }
    let mut texts = Vec::new();
    strings(&watch["Resources"]["Dashboard"]["Properties"]["DashboardBody"], &mut texts);
    let body = texts.concat();
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert!(json["widgets"].as_array().unwrap().len() > 6);
    for (name, dimensions) in &known {
        let whole = [&[STACK], *dimensions].concat().join(",");
        let searched = body.contains(&format!("{{{METRICS_NAMESPACE},{whole}}} MetricName=\\\"{name}\\\""));
        let drawn = body.contains(&format!(r#""{METRICS_NAMESPACE}", "{name}", "{STACK}""#));
        assert!(searched || (drawn && dimensions.is_empty()), "the dashboard does not show {name} by {whole}");
    }
    // Metrics without an alarm must at least be on the dashboard.
    let expected = [
        "CertificatesEnding",
        "DeliveryAttempts",
        "ForgedMessages",
        "Incidents",
        "OldestOverdueDelivery",
        "ProviderLatency",
        "UnreadableItems",
    ];
    assert_eq!(watched, expected.map(str::to_owned).into());
}

/// The operator's handbook explains each alarm, and what to do.
#[test]
fn every_alarm_is_explained() {
    let watch: Value = serde_yaml_ng::from_str(&fs::read_to_string(root().join("infra/watch.yaml")).unwrap()).unwrap();
    let handbook = fs::read_to_string(root().join("docs/operate.md")).unwrap();
    for (name, resource) in watch["Resources"].as_mapping().unwrap() {
        if resource["Type"].as_str() == Some("AWS::CloudWatch::Alarm") {
            let name = name.as_str().unwrap();
            let section = handbook.split(&format!("\n### `{name}`\n")).nth(1).unwrap_or_else(|| panic!("{name}"));
            let section = section.split("\n### ").next().unwrap();
            for part in ["* **Means:** ", "* **Look at:** ", "* **Do:** "] {
                assert!(section.contains(part), "{name}: {part}");
            }
        }
    }
}
