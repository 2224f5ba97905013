//! One world: its parts, its sandboxes, and how a handler is called, killed and timed out in it. What happens in it is in `life.rs`.

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

/// Stories of one world that went wrong and are told; more are not looked at.
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

/// Who waits for something to happen in another part.
#[derive(Default)]
pub(crate) struct Bells {
    pub(crate) queue: Notify,
    pub(crate) providers: Notify,
}

/// What was noted.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) digest: Sha256,
    pub(crate) events: u64,
    pub(crate) violations: Vec<String>,
}

/// A sandbox that answered before.
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

    /// No sandbox whose clock is off is used again.
    pub(crate) fn drop_skewed(&self) {
        self.lock(&self.sandboxes).values_mut().for_each(|warm| warm.retain(|warm| !warm.is_skewed));
    }

    /// What was noted until now, which begins anew.
    pub(crate) fn take_seen(&self) -> Seen {
        std::mem::take(&mut self.lock(&self.seen))
    }

    pub(crate) fn me(&self) -> Weak<Self> {
        self.me.clone()
    }

    /// Set before anything else happens.
    pub(crate) fn embedded(&self) -> &Embedded {
        self.embedded.wait()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn shop(&self) -> Option<Shop> {
        self.lock(&self.shop).clone()
    }

    /// From now on the merchants use these keys.
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

    /// Draws, and counts what happens.
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

    /// What happened, in order: two runs of a seed have the same.
    pub(crate) fn note(&self, event: impl FnOnce() -> String) {
        let event = format!("{} {}", self.time.now_ms() - crate::time::START_MS, event());
        self.log.say(|| event.clone());
        let mut seen = self.lock(&self.seen);
        seen.events += 1;
        seen.digest.update(&event);
        seen.digest.update("\n");
    }

    /// Something that must always be true is not.
    pub(crate) fn accuse(&self, rule: &str, what: &str) {
        self.note(|| format!("VIOLATION {rule}: {what}"));
        let at_s = (self.time.now_ms() - crate::time::START_MS) / SECOND_MS;
        let mut seen = self.lock(&self.seen);
        if seen.violations.len() < VIOLATIONS_MAX {
            seen.violations.push(format!("{rule} (after {at_s} s): {what}"));
        }
    }

    /// Calls the API as the world outside does. `None` if there was no answer.
    pub(crate) async fn call(&self, request: http::Request<Bytes>) -> Option<http::Response<Bytes>> {
        let function = self.embedded().route(request.method().as_str(), request.uri().path())?;
        self.invoke(function, |sandbox| async move { sandbox.call(request).await }).await.flatten()
    }

    /// Runs a handler in a sandbox of its own. `None` if it did not come to its end.
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

    /// One that is warm, or a new one whose clock may be off. What was killed is never used again, as in Lambda.
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

    /// Whether any clock was ever off.
    pub(crate) fn was_skewed(&self) -> bool {
        self.with_faults(|faults| faults.counts().contains_key(&Fault::ClockSkewed))
    }
}

/// As in the template.
fn timeout_ms(function: Function) -> i64 {
    match function {
        Function::Sweep => 900 * SECOND_MS,
        Function::Admin => 29 * SECOND_MS,
        Function::Deliver | Function::Ask => 30 * SECOND_MS,
        Function::Charge | Function::Query | Function::ProviderNotify | Function::Unrouted => 15 * SECOND_MS,
    }
}
