//! Where the tool writes: results on stdout, for people or as JSON; notes and progress on stderr.

use std::{
    future::Future,
    io::{IsTerminal, Write, stderr, stdout},
    pin::pin,
    time::Duration,
};

use serde_json::Value;

use crate::{
    failure::Failure,
    qr::{BLACK_ON_WHITE, OWN},
    words::{Language, Words},
};

/// From when on a wait is shown.
const SHOWN_AFTER: Duration = Duration::from_secs(1);

/// How often the sign of a wait moves.
const MOVES_EVERY: Duration = Duration::from_millis(200);

/// For whom results are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// People, in their language.
    People,
    /// Programs.
    Json,
}

/// Both ways out, and the language.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// For whom.
    pub(crate) form: Form,
    /// In which language.
    pub(crate) language: Language,
}

impl Output {
    /// A result: the JSON document, or the words for people.
    pub(crate) fn result(self, document: &Value, people: &Words) {
        match self.form {
            Form::Json => print(&document.to_string()),
            Form::People => print(&harmless(people.to(self.language))),
        }
    }

    /// What goes to stderr, whatever the form.
    pub(crate) fn note(self, words: &Words) {
        complain(&harmless(words.to(self.language)));
    }

    /// A failure: JSON on stdout, or words on stderr.
    pub(crate) fn failure(self, failure: &Failure) {
        match self.form {
            Form::Json => print(&failure.to_json(self.language).to_string()),
            Form::People => self.note(&failure.to_words()),
        }
    }

    /// Waits for `work`, and shows so on a terminal if it takes longer than a second.
    pub(crate) async fn wait<T>(self, what: &Words, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        if let Ok(done) = tokio::time::timeout(SHOWN_AFTER, &mut work).await {
            return done;
        }
        if !stderr().is_terminal() {
            return work.await;
        }
        for sign in ["|", "/", "-", "\\"].iter().cycle() {
            let _ = write!(stderr(), "\r{} {sign}", what.to(self.language));
            if let Ok(done) = tokio::time::timeout(MOVES_EVERY, &mut work).await {
                let _ = write!(stderr(), "\r\x1b[K");
                return done;
            }
        }
        work.await
    }
}

/// Whether a person looks at stdout.
pub(crate) fn shows_pictures(form: Form) -> bool {
    form == Form::People && stdout().is_terminal()
}

/// If nobody reads stdout any more, as with `maxpay tail | head`, there is nothing left to do.
/// What a gateway says may not move the cursor or turn the order of signs around. The colours of QR codes are ours.
fn harmless(text: &str) -> String {
    let is_harmful = |sign: char| {
        let turns = matches!(sign, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        turns || (sign.is_control() && sign != '\n' && sign != '\t')
    };
    let clean = |part: &str| part.replace(is_harmful, "\u{fffd}");
    let coloured = text.split(BLACK_ON_WHITE).map(|part| part.split(OWN).map(clean).collect::<Vec<_>>().join(OWN));
    coloured.collect::<Vec<_>>().join(BLACK_ON_WHITE)
}

fn print(text: &str) {
    let mut out = stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}

fn complain(text: &str) {
    // If stderr is closed, nobody can be told.
    let _ = writeln!(stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_colours_reach_the_terminal() {
        let hostile = "a\x1b]0;title\x07\r\u{202e}b\n茶\t";
        assert_eq!(harmless(hostile), "a\u{fffd}]0;title\u{fffd}\u{fffd}\u{fffd}b\n茶\t");
        let picture = format!("{BLACK_ON_WHITE}█{OWN}\n{BLACK_ON_WHITE}▀{OWN}");
        assert_eq!(harmless(&picture), picture);
    }
}
