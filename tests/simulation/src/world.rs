//! One world: its parts, its sandboxes, and how a handler is called, killed and timed out in it. `life.rs` says what happens in it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use local::{Embedded, EmbeddedOptions, Function, FunctionSandbox, Random, SandboxSetup, Template};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use crate::{
    aws::{self, End, FUSE, Fuse},
    faults::{Fault, Faults},
    ledger::Ledger,
    logs::Log,
    outside,
    people::Shop,
    plan::Plan,
    time::{MINUTE_MS, SECOND_MS, Time, sleep},
};

/// Where the API and the providers are.
pub(crate) const URL: &str = "http://127.0.0.1:8787";

/// At most this many violations of one world are reported; later ones are dropped.
const VIOLATIONS_MAX: usize = 20;

pub(crate) struct World {
    pub(crate) time: Time,
    pub(crate) bells: Bells,
    pub(crate) log: Log,
    me: Weak<World>,
    embedded: OnceLock<Embedded>,
    faults: Mutex<Faults>,
    ledger: Mutex<Ledger>,
    sandboxes: Mutex<BTreeMap<&'static str, Vec<Warm>>>,
    seen: Mutex<Seen>,
    random: Arc<Mutex<fastrand::Rng>>,
    operator_token: String,
    seed: u64,
    shop: Mutex<Option<Shop>>,
}

/// Wakes the parts of the world that wait for messages or notifies.
#[derive(Default)]
pub(crate) struct Bells {
    pub(crate) queue: Notify,
    pub(crate) providers: Notify,
}

/// The record of what happened.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) digest: Sha256,
    pub(crate) events: u64,
    pub(crate) violations: Vec<String>,
}

/// A sandbox that has answered before and can be used again.
struct Warm {
    sandbox: Arc<FunctionSandbox>,
    is_skewed: bool,
}

impl World {
    pub(crate) async fn start(
        plan: &Plan,
        seed: u64,
        template: &Arc<Template>,
        log: &Log,
    ) -> Result<Arc<Self>, String> {
        let mut random = fastrand::Rng::with_seed(seed ^ 1);
        let mut key = [0; 32];
        random.fill(&mut key);
        let (operator_token, sealing_key) = (format!("operator-{:016x}", random.u64(..)), STANDARD.encode(key));
        log.must_stay_secret(&operator_token);
        log.must_stay_secret(&sealing_key);
        let world = Arc::new_cyclic(|me| Self {
            time: Time::begin(),
            bells: Bells::default(),
            log: log.clone(),
            me: me.clone(),
            embedded: OnceLock::new(),
            faults: Mutex::new(Faults::new(plan.rates.clone(), seed ^ 2)),
            ledger: Mutex::default(),
            sandboxes: Mutex::default(),
            seen: Mutex::default(),
            random: Arc::new(Mutex::new(fastrand::Rng::with_seed(seed ^ 3))),
            operator_token: operator_token.clone(),
            seed,
            shop: Mutex::default(),
        });
        let options = EmbeddedOptions {
            clock: world.time.clock(0),
            notifies: outside::notifies(world.me.clone()),
            url: URL.to_owned(),
            operator_token,
            sealing_key,
        };
        let embedded = Embedded::start(Arc::clone(template), options).await.map_err(|error| error.to_string())?;
        drop(world.embedded.set(embedded));
        Ok(world)
    }

    /// Drops the sandboxes whose clock is off, so that none is used again.
    pub(crate) fn drop_skewed(&self) {
        self.lock(&self.sandboxes).values_mut().for_each(|warm| warm.retain(|warm| !warm.is_skewed));
    }

    /// Returns the record so far, and begins a new one.
    pub(crate) fn take_seen(&self) -> Seen {
        std::mem::take(&mut self.lock(&self.seen))
    }

    pub(crate) fn me(&self) -> Weak<Self> {
        self.me.clone()
    }

    /// The embedded stack. It is set before anything else happens.
    pub(crate) fn embedded(&self) -> &Embedded {
        self.embedded.wait()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn shop(&self) -> Option<Shop> {
        self.lock(&self.shop).clone()
    }

    /// From now on the merchant uses the keys of this shop.
    pub(crate) fn set_shop(&self, shop: Shop) {
        *self.lock(&self.shop) = Some(shop);
    }

    pub(crate) fn operator_token(&self) -> &str {
        &self.operator_token
    }

    fn lock<'a, T>(&self, mutex: &'a Mutex<T>) -> MutexGuard<'a, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn with_faults<T>(&self, work: impl FnOnce(&mut Faults) -> T) -> T {
        work(&mut self.lock(&self.faults))
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.lock(&self.ledger)
    }

    pub(crate) fn draw(&self, fault: Fault) -> bool {
        self.with_faults(|faults| faults.draw(fault))
    }

    /// Draws a fault, and counts it if it happens.
    pub(crate) fn strike(&self, fault: Fault) -> bool {
        let drawn = self.draw(fault);
        if drawn {
            self.count(fault);
        }
        drawn
    }

    pub(crate) fn count(&self, fault: Fault) {
        self.with_faults(|faults| faults.count(fault));
        self.note(|| format!("fault {}", fault.name()));
    }

    /// Records an event. Two runs of a seed record the same events in the same order.
    pub(crate) fn note(&self, event: impl FnOnce() -> String) {
        let event = format!("{} {}", self.time.now_ms() - crate::time::START_MS, event());
        self.log.say(|| event.clone());
        let mut seen = self.lock(&self.seen);
        seen.events += 1;
        seen.digest.update(&event);
        seen.digest.update("\n");
    }

    /// Reports that a rule which must always hold is broken.
    pub(crate) fn accuse(&self, rule: &str, what: &str) {
        self.note(|| format!("VIOLATION {rule}: {what}"));
        let at_s = (self.time.now_ms() - crate::time::START_MS) / SECOND_MS;
        let mut seen = self.lock(&self.seen);
        if seen.violations.len() < VIOLATIONS_MAX {
            seen.violations.push(format!("{rule} (after {at_s} s): {what}"));
        }
    }

    /// Calls the API from outside. `None` if there was no answer.
    pub(crate) async fn call(&self, request: http::Request<Bytes>) -> Option<http::Response<Bytes>> {
        let function = self.embedded().route(request.method().as_str(), request.uri().path())?;
        self.invoke(function, |sandbox| async move { sandbox.call(request).await }).await.flatten()
    }

    /// Runs a handler in a sandbox of its own. `None` if the handler did not reach its end.
    pub(crate) async fn invoke<T, Fut: Future<Output = T>>(
        &self,
        function: Function,
        work: impl FnOnce(Arc<FunctionSandbox>) -> Fut,
    ) -> Option<T> {
        let name = function.name();
        let warm = self.warm(function)?;
        let (fuse, killed_at) = self.with_faults(|faults| {
            let (before, after) = (faults.draw(Fault::KilledBeforeCall), faults.draw(Fault::KilledAfterCall));
            let in_batch = matches!(function, Function::Deliver | Function::Ask) && faults.draw(Fault::KilledInBatch);
            let calls = faults.random().i64(1..12);
            let end = match (before, after || in_batch) {
                (true, _) => End::BeforeCall,
                (_, true) => End::AfterCall,
                (false, false) => End::Never,
            };
            let at_await = faults.draw(Fault::KilledAtAwait).then(|| faults.random().i64(1..500));
            (Fuse::new(end, calls), at_await)
        });
        let limit_ms = killed_at.unwrap_or_else(|| timeout_ms(function));
        let done = FUSE.scope(Arc::clone(&fuse), work(Arc::clone(&warm.sandbox)));
        let done = tokio::select! {
            biased;
            () = fuse.burnt() => {
                let before = fuse.end() == End::BeforeCall;
                self.count(if before { Fault::KilledBeforeCall } else { Fault::KilledAfterCall });
                None
            }
            done = done => Some(done),
            () = sleep(limit_ms) => {
                self.count(if killed_at.is_some() { Fault::KilledAtAwait } else { Fault::TimedOut });
                None
            }
        };
        self.note(|| format!("{name} {}", if done.is_some() { "ends" } else { "dies" }));
        if done.is_some() {
            self.lock(&self.sandboxes).entry(name).or_default().push(warm);
        }
        done
    }

    /// A warm sandbox, or a new one whose clock may be off. A killed sandbox is never used again, as in Lambda.
    fn warm(&self, function: Function) -> Option<Warm> {
        if let Some(warm) = self.lock(&self.sandboxes).entry(function.name()).or_default().pop() {
            if warm.is_skewed {
                self.count(Fault::ClockSkewed);
            }
            return Some(warm);
        }
        let skew_ms = self.with_faults(|faults| {
            let skew_ms = faults.random().i64(-5 * MINUTE_MS..=5 * MINUTE_MS);
            if faults.draw(Fault::ClockSkewed) { skew_ms } else { 0 }
        });
        let random = Arc::clone(&self.random);
        let setup = SandboxSetup {
            aws: aws::way(self.me()),
            outbound: outside::way(self.me()),
            clock: self.time.clock(skew_ms),
            random: Random::told(move |bytes| random.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes)),
        };
        match self.embedded().sandbox(function, setup) {
            Ok(sandbox) => Some(Warm { sandbox: Arc::new(sandbox), is_skewed: skew_ms != 0 }),
            Err(error) => {
                self.accuse("a function starts", &error.to_string());
                None
            }
        }
    }

    /// Whether the clock of any sandbox was ever off.
    pub(crate) fn was_skewed(&self) -> bool {
        self.with_faults(|faults| faults.counts().contains_key(&Fault::ClockSkewed))
    }
}

/// The timeout of a function, as in the template.
fn timeout_ms(function: Function) -> i64 {
    match function {
        Function::Sweep => 900 * SECOND_MS,
        Function::Admin => 29 * SECOND_MS,
        Function::Deliver | Function::Ask => 30 * SECOND_MS,
        Function::Charge | Function::Checkout | Function::Query | Function::ProviderNotify | Function::Unrouted => {
            15 * SECOND_MS
        }
    }
}
