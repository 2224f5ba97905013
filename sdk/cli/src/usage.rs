//! Reads the command line, with help and complaints in the reader's language, and prints completions.

use std::{ffi::OsString, process::ExitCode};

use clap::{
    CommandFactory, FromArgMatches, ValueEnum,
    error::{ContextKind, ContextValue, ErrorKind},
};
use clap_complete::Shell;
use serde_json::json;

use crate::{
    arguments::Arguments,
    chinese,
    failure::Failure,
    output::{Form, Output},
    system::variable,
    words::{Language, Words, words},
};

/// What other tools end with if they are called wrongly.
const USAGE: u8 = 2;

/// The command line, read.
pub(crate) struct Given {
    pub(crate) arguments: Arguments,
    pub(crate) language: Language,
}

/// Reads it.
///
/// # Errors
/// The exit code, once help, version or what is wrong was printed.
pub(crate) fn read(words: Vec<OsString>) -> Result<Given, ExitCode> {
    let language = language(&words);
    let is_json = before_dashes(&words).any(|word| word == "--json");
    let output = Output { form: if is_json { Form::Json } else { Form::People }, language };
    let parsed = command(language)
        .try_get_matches_from(asked_for_help(words))
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    parsed.map(|arguments| Given { arguments, language }).map_err(|error| complain(output, &error))
}

/// `maxpay help charge` is `maxpay charge --help`.
fn asked_for_help(mut words: Vec<OsString>) -> Vec<OsString> {
    if words.get(1).is_some_and(|word| word == "help") {
        words.remove(1);
        words.push("--help".into());
    }
    words
}

/// Prints the completions of a shell.
pub(crate) fn completions(output: Output, shell: Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(output.language), "maxpay", &mut script);
    let script = String::from_utf8_lossy(&script);
    output.result(&json!({ "shell": shell.to_string(), "script": script }), &Words::alike(script.trim_end()));
}

fn command(language: Language) -> clap::Command {
    match language {
        Language::En => Arguments::command(),
        Language::Zh => chinese::translated(Arguments::command()),
    }
}

/// The words of this tool, without those that are for another program.
fn before_dashes(words: &[OsString]) -> impl Iterator<Item = &str> {
    words.iter().filter_map(|word| word.to_str()).take_while(|word| *word != "--")
}

/// The language must be known before the command line is read, because reading it may already print.
fn language(words: &[OsString]) -> Language {
    let chosen = before_dashes(words).zip(before_dashes(words).skip(1)).find_map(|(word, next)| {
        let value = if word == "--lang" { Some(next) } else { next.strip_prefix("--lang=") };
        value.and_then(|value| Language::from_str(value, true).ok())
    });
    chosen.unwrap_or_else(|| Language::of_locale(&["LC_ALL", "LC_MESSAGES", "LANG"].map(variable)))
}

fn complain(output: Output, error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        output.result(&json!({ "text": error.to_string() }), &Words::alike(error.to_string().trim_end()));
        return ExitCode::SUCCESS;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        output.note(&Words::alike(error.to_string().trim_end()));
        return ExitCode::from(USAGE);
    }
    output.failure(&failure(error));
    ExitCode::from(USAGE)
}

fn failure(error: &clap::Error) -> Failure {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(one)) => Some(one.clone()),
        Some(ContextValue::Strings(several)) => Some(several.join(", ")),
        _ => None,
    };
    let field = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand].into_iter().find_map(context);
    let english = english(error);
    let chinese =
        chinese::complaint(error.kind(), context(ContextKind::InvalidValue), context(ContextKind::ValidValue));
    let message = Words::new(chinese.unwrap_or_else(|| english.clone()), english);
    let failure = Failure { field, ..Failure::own("usage", message) };
    failure.with_remedy(words!("加 --help 看用法", "--help shows how"))
}

/// What clap says, without its own headings, usage and hints.
fn english(error: &clap::Error) -> String {
    let text = error.to_string();
    let said: Vec<&str> = text.split("\n\nUsage:").next().unwrap_or_default().lines().map(str::trim).collect();
    let said = said.join(" ");
    let said = said.split("For more information").next().unwrap_or_default().trim();
    said.strip_prefix("error: ").unwrap_or(said).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    #[rustfmt::skip]
    fn the_language_is_known_before_the_line_is_read() {
        for (line, expect) in [
            ("maxpay --lang zh nonsense",           Language::Zh),
            ("maxpay nonsense --lang=zh",           Language::Zh),
            ("maxpay --lang en doctor",             Language::En),
        ] {
            assert_eq!(language(&words_of(line)), expect, "{line}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn what_is_wrong_is_named() {
        for (line, field) in [
            ("maxpay charge b --channel nope --total-fee 1 --subject t", "--channel <CHANNEL>"),
            ("maxpay refund b --refund-fee x --refund-num r",            "--refund-fee <FEN>"),
            ("maxpay refund b --refund-num r",                           "--refund-fee <FEN>"),
            ("maxpay nonsense",                                          "nonsense"),
            ("maxpay trigger nope",                                      "<EVENT>"),
            ("maxpay logout --nope",                                     "--nope"),
        ] {
            let error = Arguments::command().try_get_matches_from(words_of(line)).unwrap_err();
            let failure = failure(&error);
            assert_eq!(failure.field.as_deref(), Some(field), "{line}");
            let chinese = failure.to_words().to(Language::Zh).to_owned();
            assert!(chinese.chars().any(|sign| sign >= '一'), "{chinese}");
        }
    }

    #[test]
    fn the_events_that_can_be_triggered_are_said() {
        let error = Arguments::command().try_get_matches_from(words_of("maxpay trigger nope")).unwrap_err();
        let failure = failure(&error);
        for language in [Language::Zh, Language::En] {
            assert!(failure.to_words().to(language).contains("refund.success"), "{failure:?}");
        }
    }
}
