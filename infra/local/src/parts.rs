//! The parts of the stack, each started on its own.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Extension, Router};
use domain::Lane;
use dynoxide::Database;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown, service::TowerToHyperService};
use queue::QueueUrls;
use runtime::{AwsClients, ClientIp};
use serde_json::json;
use serde_yaml_ng::Value;
use tokio::{net::TcpListener, select, sync::watch, task::JoinSet};
use tracing::warn;

use crate::{
    Function, StackClock, Template, TemplateError, dynamo,
    error::StartError,
    lambda::LocalLambda,
    private,
    sqs::{Sqs, SqsOptions},
    state::{DATABASE, State, random_text},
    template::names,
};

/// The region and account that the parts use.
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const ACCOUNT: &str = "000000000000";

/// How long a listener pauses after it could not accept a call.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Everything that runs, and how it is stopped: the sender of the channel is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) parts: JoinSet<Result<(), StartError>>,
    pub(crate) stopped: watch::Receiver<()>,
}

pub(crate) async fn listen(port: u16) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await;
    bound.map_err(|error| {
        let is_taken = error.kind() == io::ErrorKind::AddrInUse;
        if is_taken { StartError::PortTaken { port } } else { StartError::part("listener", error) }
    })
}

/// Serves until the stack stops. Header names begin with capitals, as providers' servers send them: some of their SDKs find only such
/// names.
pub(crate) fn serve(running: &mut Running, name: &'static str, listener: TcpListener, router: Router) {
    let mut stopped = running.stopped.clone();
    running.parts.spawn(async move {
        let mut http = http1::Builder::new();
        http.title_case_headers(true);
        let connections = GracefulShutdown::new();
        loop {
            let accepted = select! {
                accepted = listener.accept() => accepted,
                _ = stopped.changed() => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    // Like API Gateway, the front door states the caller's address itself and ignores what headers say about it.
                    let told = Extension(ClientIp::new(&peer.ip().to_string()));
                    let service = TowerToHyperService::new(router.clone().layer(told));
                    tokio::spawn(connections.watch(http.serve_connection(TokioIo::new(stream), service)));
                }
                Err(error) => {
                    // The caller is gone, or this process has too many open files now.
                    warn!("{name} takes no call for a moment: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        connections.shutdown().await;
        Ok(())
    });
}

/// DynamoDB in this process. Returns its endpoint.
pub(crate) async fn serve_dynamo(running: &mut Running, state: &State) -> Result<String, StartError> {
    let mut stopped = running.stopped.clone();
    let failed = |error: dynoxide::DynoxideError| StartError::part("dynamodb", error.to_string());
    let database = match state.file(DATABASE) {
        Some(path) => {
            private::touch(&path).map_err(|source| StartError::DataDir { path: path.clone(), source })?;
            Database::new(&path.to_string_lossy()).map_err(failed)?
        }
        None => Database::memory().map_err(failed)?,
    };
    let listener = listen(0).await?;
    let address = listener.local_addr().map_err(|error| StartError::part("dynamodb", error))?;
    running.parts.spawn(async move {
        let stopped = async move { drop(stopped.changed().await) };
        let served = dynoxide::server::serve_with_shutdown(listener, database, stopped);
        served.await.map_err(|error| StartError::part("dynamodb", error))
    });
    Ok(format!("http://{address}"))
}

/// The SQS of this process, and its address.
pub(crate) struct ServedSqs {
    pub(crate) sqs: Sqs,
    pub(crate) endpoint: String,
}

/// SQS in this process.
pub(crate) async fn serve_sqs(
    running: &mut Running,
    state: &State,
    clock: &StackClock,
) -> Result<ServedSqs, StartError> {
    let clock = clock.clone();
    let sqs = Sqs::open(SqsOptions {
        clock: Arc::new(move || clock.now_ms()),
        state_file: state.file("sqs.journal"),
        account: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
    })
    .map_err(|error| StartError::part("sqs", error))?;
    let listener = listen(0).await?;
    let address = listener.local_addr().map_err(|error| StartError::part("sqs", error))?;
    serve(running, "sqs", listener, sqs.router());
    Ok(ServedSqs { sqs, endpoint: format!("http://{address}") })
}

/// Lambda for the merchants' functions. Returns its endpoint.
pub(crate) async fn serve_lambda(running: &mut Running, lambda: &LocalLambda) -> Result<String, StartError> {
    let listener = listen(0).await?;
    let address = listener.local_addr().map_err(|error| StartError::part("lambda", error))?;
    serve(running, "lambda", listener, lambda.router());
    Ok(format!("http://{address}"))
}

/// The names in use, by the template's logical names.
pub(crate) struct Names(Vec<(String, String)>);

impl Names {
    /// Each logical name with the name in use.
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        self.0.clone()
    }

    /// The names in use, each with its logical name. The name of a queue is the last part of its address.
    pub(crate) fn logical(&self) -> impl Iterator<Item = (String, String)> {
        let last = |actual: &String| actual.rsplit('/').next().unwrap_or_default().to_owned();
        self.0.iter().map(move |(logical, actual)| (last(actual), logical.clone()))
    }

    pub(crate) fn find(&self, logical: &'static str) -> Result<String, StartError> {
        let found = self.0.iter().find(|(name, _)| name == logical).map(|(_, actual)| actual.clone());
        found.ok_or(StartError::Template(TemplateError::Missing { resource: logical.to_owned(), what: "definition" }))
    }
}

/// Who uses a DynamoDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DynamoUse {
    /// Only this stack.
    Own,
    /// Other stacks, too: each has tables with its own names.
    Shared,
}

/// Creates the tables that the template describes.
pub(crate) async fn create_tables(
    template: &Template,
    clients: &AwsClients,
    dynamo_use: DynamoUse,
) -> Result<Names, StartError> {
    let own: String = random_text()?.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    let suffix = if dynamo_use == DynamoUse::Shared { format!("-{own}") } else { String::new() };
    let dynamo = clients.dynamo();
    let mut names = Vec::new();
    for (logical, properties) in &template.tables {
        let name = format!("{logical}{suffix}");
        dynamo::create_table(&dynamo, &name, properties).await?;
        names.push((logical.clone(), name));
    }
    Ok(Names(names))
}

pub(crate) fn create_queues(template: &Template, sqs: &Sqs, endpoint: &str) -> Result<Names, StartError> {
    // Dead letter queues are made first, because a redrive policy must name an existing queue.
    let redrives = |properties: &Value| properties.get(REDRIVE_POLICY).is_some();
    let mut queues: Vec<_> = template.queues.iter().collect();
    queues.sort_by_key(|(_, properties)| redrives(properties));
    let mut urls = Vec::new();
    for (logical, properties) in queues {
        let attributes = properties.as_mapping().into_iter().flatten();
        let numbers =
            attributes.filter_map(|(name, value)| Some((name.as_str()?.to_owned(), value.as_u64()?.to_string())));
        let redrive = properties.get(REDRIVE_POLICY).and_then(|policy| redrive_policy(policy, sqs));
        let redrive = redrive.map(|policy| (REDRIVE_POLICY.to_owned(), policy));
        let attributes = numbers.chain(redrive).collect();
        sqs.create_queue(logical, &attributes).map_err(|error| StartError::part("sqs", error))?;
        urls.push((logical.clone(), sqs.queue_url(logical, endpoint)));
    }
    Ok(Names(urls))
}

const REDRIVE_POLICY: &str = "RedrivePolicy";

/// `deadLetterTargetArn` names a queue of the template.
fn redrive_policy(policy: &Value, sqs: &Sqs) -> Option<String> {
    let queue = names(policy.get("deadLetterTargetArn")?).first()?.clone();
    let count = policy.get("maxReceiveCount")?.as_u64()?;
    Some(json!({ "deadLetterTargetArn": sqs.queue_arn(&queue), "maxReceiveCount": count }).to_string())
}

/// The logical name of the queue for messages that could not be processed.
const DEAD_LETTERS: &str = "DeadLetters";

/// A queue whose messages are handed to a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkQueue {
    /// Bells for deliveries.
    Deliveries(Lane),
    /// Questions for providers.
    Questions,
}

impl WorkQueue {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Deliveries(Lane::Fast), Self::Deliveries(Lane::Slow), Self::Questions];

    /// Its logical name, which is its name in the embedded SQS, too.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Deliveries(Lane::Fast) => "DeliveriesQueue",
            Self::Deliveries(Lane::Slow) => "SlowDeliveriesQueue",
            Self::Questions => "QuestionsQueue",
        }
    }

    /// The function that its messages are for.
    pub fn function(self) -> Function {
        match self {
            Self::Deliveries(_) => Function::Deliver,
            Self::Questions => Function::Ask,
        }
    }

    pub(crate) fn url(self, urls: &QueueUrls) -> &str {
        match self {
            Self::Deliveries(lane) => urls.of(lane),
            Self::Questions => &urls.questions,
        }
    }
}

/// The URLs of the queues.
pub(crate) fn queue_urls(queues: &Names) -> Result<QueueUrls, StartError> {
    let url = |queue: WorkQueue| queues.find(queue.name());
    Ok(QueueUrls {
        fast: url(WorkQueue::Deliveries(Lane::Fast))?,
        slow: url(WorkQueue::Deliveries(Lane::Slow))?,
        questions: url(WorkQueue::Questions)?,
        dead_letters: Some(queues.find(DEAD_LETTERS)?),
    })
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;

    #[tokio::test]
    async fn header_names_are_sent_as_providers_send_them_and_the_end_is_in_order() {
        let (stop, stopped) = watch::channel(());
        let mut running = Running { parts: JoinSet::new(), stopped };
        let listener = listen(0).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(|| async { ([("wechatpay-nonce", "x")], "body") }));
        serve(&mut running, "test", listener, router);

        let mut caller = TcpStream::connect(address).await.unwrap();
        caller.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        caller.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains("\r\nWechatpay-Nonce: x\r\n") && answer.ends_with("body"), "{answer}");

        drop(stop);
        running.parts.join_next().await.unwrap().unwrap().unwrap();
        assert!(TcpStream::connect(address).await.is_err(), "still listens");
    }
}
