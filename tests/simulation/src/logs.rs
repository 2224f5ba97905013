//! Collects every log line of a world, and finds secrets in them.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use tracing_subscriber::fmt::MakeWriter;

/// The log of a world. Clones are cheap and share the same log.
#[derive(Clone, Debug)]
pub(crate) struct Log(Arc<Mutex<Heard>>);

#[derive(Debug, Default)]
struct Heard {
    talks: bool,
    lines: u64,
    secrets: Vec<String>,
    leaks: Vec<String>,
}

/// Runs `work` with this log in place of every other log of this thread.
pub(crate) fn during<T>(log: &Log, work: impl FnOnce() -> T) -> T {
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .without_time()
        .with_ansi(false)
        .with_max_level(tracing::Level::INFO)
        .finish();
    tracing::subscriber::with_default(subscriber, work)
}

impl Log {
    pub(crate) fn new(talks: bool) -> Self {
        Self(Arc::new(Mutex::new(Heard { talks, ..Heard::default() })))
    }

    /// From now on, a log line that contains this text is a leak.
    pub(crate) fn must_stay_secret(&self, text: &str) {
        self.heard().secrets.push(text.to_owned());
    }

    pub(crate) fn leaks(&self) -> Vec<String> {
        self.heard().leaks.clone()
    }

    pub(crate) fn lines(&self) -> u64 {
        self.heard().lines
    }

    /// Adds a line of the simulation itself.
    pub(crate) fn say(&self, line: impl FnOnce() -> String) {
        if self.heard().talks {
            eprintln!("{}", line());
        }
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(self.clone())
    }
}

pub(crate) struct Line(Log);

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let mut heard = self.0.heard();
        heard.lines += 1;
        if heard.secrets.iter().any(|secret| text.contains(secret.as_str())) {
            let leak = text.trim_end().to_owned();
            heard.leaks.push(leak);
        }
        if heard.talks {
            eprint!("{text}");
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
