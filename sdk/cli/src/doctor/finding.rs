//! One thing that was looked at.

use serde_json::{Value, json};

use crate::{
    failure::Failure,
    words::{Language, Words, words},
};

/// What it is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As it should be.
    Good,
    /// It may be meant so.
    Doubtful,
    /// It must be mended.
    Wrong,
}

/// A finding with its remedy.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    check: String,
    pub(crate) verdict: Verdict,
    words: Words,
    remedy: Option<Words>,
}

impl Finding {
    /// All is well.
    pub(crate) fn good(check: &str, words: Words) -> Self {
        Self { check: check.to_owned(), verdict: Verdict::Good, words, remedy: None }
    }

    /// Somebody should look.
    pub(crate) fn doubtful(check: &str, words: Words, remedy: Words) -> Self {
        Self { check: check.to_owned(), verdict: Verdict::Doubtful, words, remedy: Some(remedy) }
    }

    /// It must be mended.
    pub(crate) fn wrong(check: &str, words: Words, remedy: Words) -> Self {
        Self { verdict: Verdict::Wrong, ..Self::doubtful(check, words, remedy) }
    }

    /// A call failed that should not.
    pub(crate) fn failed(check: &str, failure: &Failure) -> Self {
        // The failure's own words have its code and its field, and the remedy is a line of its own here.
        let bare = Failure { remedy: None, ..failure.clone() };
        Self {
            check: check.to_owned(),
            verdict: Verdict::Wrong,
            words: bare.to_words(),
            remedy: failure.remedy.clone(),
        }
    }

    /// As JSON.
    pub(crate) fn to_json(&self, language: Language) -> Value {
        let verdict = match self.verdict {
            Verdict::Good => "ok",
            Verdict::Doubtful => "warning",
            Verdict::Wrong => "wrong",
        };
        let remedy = self.remedy.as_ref().map(|remedy| remedy.to(language));
        json!({ "check": self.check, "verdict": verdict, "message": self.words.to(language), "remedy": remedy })
    }

    /// For people.
    pub(crate) fn to_words(&self) -> Words {
        let (check, zh, en) = (&self.check, self.words.to(Language::Zh), self.words.to(Language::En));
        let line = match self.verdict {
            Verdict::Good => words!("[正常] {check}: {zh}", "[ok]      {check}: {en}"),
            Verdict::Doubtful => words!("[注意] {check}: {zh}", "[warning] {check}: {en}"),
            Verdict::Wrong => words!("[错误] {check}: {zh}", "[wrong]   {check}: {en}"),
        };
        match &self.remedy {
            None => line,
            Some(remedy) => {
                let (zh, en) = (remedy.to(Language::Zh), remedy.to(Language::En));
                line.and_below(&words!("       怎么办：{zh}", "          remedy: {en}"))
            }
        }
    }
}
