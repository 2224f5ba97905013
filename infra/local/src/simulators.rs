//! The simulators of all providers, and what the stack needs from all of them together.

use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use domain::Tab;
use outbound::{Bounds, Outbound};
use runtime::SimulatorSettings;
use simulators::{Alipay, BoxFuture, Clock, Page, SimulatorOptions, UnionPay, Wechat};

use crate::{StackClock, error::StartError, state::State};

/// A notify that is not answered within this time has failed. It is UnionPay's bound, the longest that is documented.
const NOTIFY_BOUNDS: Bounds = Bounds { deadline: std::time::Duration::from_secs(10), body_bytes_max: 4096 };

/// One simulator for each provider. Clones share everything.
#[derive(Clone)]
pub(crate) struct Simulators {
    alipay: Alipay,
    wechat: Wechat,
    unionpay: UnionPay,
}

impl Simulators {
    /// Opens them, each with its own state file. Their notifies are sent over HTTP, as the providers send theirs.
    pub(crate) fn open(state: &State, url: &str, clock: &StackClock, outbound: &Outbound) -> Result<Self, StartError> {
        let failed = |error| StartError::part("simulators", error);
        let now = clock.clone();
        let clock: Clock = Arc::new(move || now.now_ms());
        let options = |file: &str| {
            let outbound = outbound.clone();
            SimulatorOptions {
                base_url: url.to_owned(),
                state_file: state.file(file),
                clock: Arc::clone(&clock),
                send: Arc::new(move |request| send(outbound.clone(), request)),
            }
        };
        Ok(Self {
            alipay: Alipay::open(options("simulator.json")).map_err(failed)?,
            wechat: Wechat::open(options("wechat.json")).map_err(failed)?,
            unionpay: UnionPay::open(options("unionpay.json")).map_err(failed)?,
        })
    }

    /// All their routes, with full paths.
    pub(crate) fn router(&self) -> Router {
        self.alipay.router().merge(self.wechat.router()).merge(self.unionpay.router())
    }

    /// Keeps what a charge returned, if there is something to open. Only the provider that it leads to takes it.
    pub(crate) fn keep(&self, page: Option<Page>) {
        let Some(page) = page else { return };
        self.alipay.keep(page.clone());
        self.unionpay.keep(page);
    }

    /// The settings that `{"protocol":"simulator"}` stands for, by tab.
    pub(crate) fn tabs(&self) -> Vec<SimulatorSettings> {
        let (alipay, wechat, unionpay) = (self.alipay.settings(), self.wechat.settings(), self.unionpay.settings());
        let settings = |tab| match tab {
            Tab::Ali => alipay.get("openapi"),
            Tab::WxApp | Tab::WxMp => wechat.get("v3Both").and_then(|tabs| tabs.get(tab.name())),
            Tab::UnipayApp | Tab::UnipayWeb => unionpay.get(tab.name()),
        };
        let of_tab = |tab| Some(SimulatorSettings { tab, settings: settings(tab)?.as_object()?.clone() });
        Tab::ALL.into_iter().filter_map(of_tab).collect()
    }

    /// Sends what is due.
    pub(crate) async fn run_due(&self) {
        self.alipay.run_due().await;
        self.wechat.run_due().await;
        self.unionpay.run_due().await;
    }

    /// When the next thing becomes due.
    pub(crate) fn next_due(&self) -> Option<i64> {
        [self.alipay.next_due(), self.wechat.next_due(), self.unionpay.next_due()].into_iter().flatten().min()
    }
}

fn send(outbound: Outbound, request: http::Request<Bytes>) -> BoxFuture<'static, Result<(u16, Vec<u8>), String>> {
    Box::pin(async move {
        let answer = outbound.send(request, NOTIFY_BOUNDS).await.map_err(|error| error.to_string())?;
        Ok((answer.status().as_u16(), answer.into_body().to_vec()))
    })
}
