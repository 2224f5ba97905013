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

/// `maxpay help charge` is `maxpay charge --help`, also behind options and behind a command that has commands below it.
fn asked_for_help(words: Vec<OsString>) -> Vec<OsString> {
    let commands = Arguments::command();
    let (mut here, mut before) = (Some(&commands), "");
    let mut found = None;
    for (place, word) in before_dashes(&words).enumerate().skip(1) {
        let is_value = ["--profile", "--lang"].contains(&before);
        before = word;
        if is_value || word.starts_with('-') {
            continue;
        }
        // Where no command is expected, `help` is a bill's number, say.
        let Some(command) = here.filter(|command| command.has_subcommands()) else { break };
        if word == "help" {
            found = Some(place);
            break;
        }
        here = command.find_subcommand(word);
    }
    let Some(place) = found else { return words };
    let mut asked: Vec<OsString> =
        words.into_iter().enumerate().filter(|(of, _)| *of != place).map(|(_, word)| word).collect();
    asked.push("--help".into());
    asked
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
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand && output.form == Form::People {
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
    #[rustfmt::skip]
    fn help_is_a_command_where_a_command_is_expected() {
        for (line, expect) in [
            ("maxpay help",                       "maxpay --help"),
            ("maxpay help charge",                "maxpay charge --help"),
            ("maxpay --lang zh help webhooks add", "maxpay --lang zh webhooks add --help"),
            ("maxpay --json help",                "maxpay --json --help"),
            ("maxpay --profile help records",     "maxpay --profile help records"),
            ("maxpay webhooks help",              "maxpay webhooks --help"),
            ("maxpay records help",               "maxpay records help"),
            ("maxpay local -- help",              "maxpay local -- help"),
            ("maxpay",                            "maxpay"),
        ] {
            assert_eq!(asked_for_help(words_of(line)), words_of(expect), "{line}");
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
