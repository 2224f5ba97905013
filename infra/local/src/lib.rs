//! The whole stack in one process, for development and tests.
//!
//! It plays what the functions use in the cloud (API Gateway, IAM, DynamoDB, SQS) and whom they talk to (the providers). It contains no
//! business rule. Routes, tables, queues and policies come from `template.yaml`.

mod assembly;
mod clock;
mod control;
mod cors;
mod demo;
mod dynamo;
#[cfg(feature = "simulated")]
mod embedded;
mod error;
mod gateway;
mod handed;
mod iam;
mod items;
mod keys;
mod lambda;
mod mapping;
mod meter;
mod metric_lines;
mod pages;
mod parts;
mod private;
mod receiver;
mod reference;
mod robots;
mod runtime_api;
mod schedule;
mod simulators;
pub mod sqs;
mod stack;
mod state;
mod storage_faults;
mod template;
mod wallets;

pub use admin::{operations as admin_operations, problem_codes};
pub use clock::StackClock;
pub use cors::Cors;
pub use demo::{DemoApp, KeyPair, StackKeys};
#[cfg(feature = "simulated")]
pub use embedded::{AwsAnswer, AwsCall, AwsService, Embedded, EmbeddedOptions, FunctionSandbox, SandboxSetup, ToAws};
pub use error::StartError;
pub use gateway::{Function, FunctionRoute};
pub use meter::Metered;
pub use parts::WorkQueue;
#[cfg(feature = "simulated")]
pub use runtime::{Clock, Random};
pub use runtime::{METRICS_NAMESPACE, Metric, STACK};
pub use runtime_api::{Memory, Sandbox, SandboxError};
pub use stack::{Options, Stack};
pub use storage_faults::{LastAnswer, StorageFaults};
pub use template::{Grant, Route, Template, TemplateError};
