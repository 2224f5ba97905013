//! What somebody types or pipes in. A secret is read without echo, and whatever ends the question, the terminal is as it was before.

use std::{
    fs::File,
    io::{self, Read, Write, stderr, stdin},
    process::{Command, Stdio},
    thread,
};

use tokio::sync::oneshot;

/// What a terminal shows of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    Shown,
    Hidden,
}

/// Asks, and returns the line that was typed.
///
/// # Errors
/// If nothing can be read. A Ctrl-C at a hidden answer is [`io::ErrorKind::Interrupted`].
pub(crate) async fn ask(prompt: String, echo: Echo) -> io::Result<String> {
    beside(move || read_line(&prompt, echo)).await
}

/// Reads what is piped in, up to a bound.
///
/// # Errors
/// If it cannot be read, or is no UTF-8.
pub(crate) async fn piped(bytes_max: u64) -> io::Result<String> {
    beside(move || {
        let mut text = String::new();
        stdin().take(bytes_max).read_to_string(&mut text)?;
        Ok(text)
    })
    .await
}

/// Reading blocks. Nobody waits for this thread at the end, so a signal ends the tool while it reads.
async fn beside(read: impl FnOnce() -> io::Result<String> + Send + 'static) -> io::Result<String> {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || sender.send(read()));
    receiver.await.unwrap_or_else(|_| Err(io::ErrorKind::UnexpectedEof.into()))
}

fn read_line(prompt: &str, echo: Echo) -> io::Result<String> {
    match echo {
        Echo::Hidden => rpassword::prompt_password(prompt),
        Echo::Shown => {
            write!(stderr(), "{prompt}")?;
            let mut answer = String::new();
            stdin().read_line(&mut answer)?;
            Ok(answer)
        }
    }
}

/// How the terminal is before a question. rpassword (seen in 7.5.4) sets it back only when it returns: not if a signal ends the process, and a
/// typed Ctrl-C becomes such a signal. Watch its `send_signal_sigint` to remove this.
#[derive(Debug)]
pub(crate) struct Terminal {
    before: Option<String>,
}

impl Terminal {
    /// Looks at it.
    pub(crate) fn look() -> Self {
        let told = stty("-g").filter(|told| !told.is_empty());
        Self { before: told }
    }

    /// Sets it back.
    pub(crate) fn set_back(&self) {
        if let Some(before) = &self.before {
            let _ = stty(before);
            let _ = writeln!(stderr());
        }
    }
}

/// POSIX has this program everywhere, and no safe call of the standard library does the same.
fn stty(argument: &str) -> Option<String> {
    let terminal = File::open("/dev/tty").ok()?;
    let done = Command::new("stty").arg(argument).stdin(terminal).stderr(Stdio::null()).output().ok()?;
    done.status.success().then(|| String::from_utf8_lossy(&done.stdout).trim().to_owned())
}
