//! Checks that everything in code marks in ARCHITECTURE.md, CONTRIBUTING.md, README.md and `docs/` exists: files, folders, types
//! and functions.
//!
//! It only reads texts. A failure names the document and the word.

#![cfg(test)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use domain::{Channel, Event};

/// The documents whose words in code marks are ours. In the others most words belong to a provider or a client, so only paths are
/// checked.
const ABOUT_THE_HOUSE: [&str; 2] = ["ARCHITECTURE.md", "CONTRIBUTING.md"];

/// Words in code marks that name nothing here, with the reason.
#[rustfmt::skip]
const ELSEWHERE: &[(&str, &str)] = &[
    ("manager",     "a name that is not to be used"),
    ("get_",        "a name that is not to be used"),
    ("Deref",       "a trait that is not to be implemented"),
];

/// Words that look like paths but are not.
#[rustfmt::skip]
const NO_PATHS: &[(&str, &str)] = &[
    ("providers/wechat",                  "the area of a commit"),
    (".setSandbox/isSandbox",             "two methods of a client"),
    ("maxpay/bill",                       "a route"),
    ("application/x-www-form-urlencoded", "a content type"),
    ("application/json",                  "a content type"),
    ("fen/100",                           "a division"),
    (".../",                              "the beginning of a route"),
    ("request-sign/*",                    "names of vectors"),
    ("WECHATPAY/SIGNTEST/",               "the beginning of a signature"),
];

const KINDS_OF_SOURCE: [&str; 9] = ["rs", "toml", "yaml", "html", "json", "js", "css", "py", "md"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file and folder of the repository, relative to its root. Build results and hidden files are ignored, except `.ci`.
fn tree() -> BTreeSet<String> {
    let (mut found, mut folders) = (BTreeSet::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if ["target", "node_modules"].contains(&name) || name.starts_with('.') && name != ".ci" {
                continue;
            }
            found.insert(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_').filter(|word| !word.is_empty())
}

/// Every word of every source file. Scripts without an extension count; documents do not.
fn words(tree: &BTreeSet<String>) -> BTreeSet<String> {
    let is_source = |path: &&String| {
        let name = path.rsplit('/').next().unwrap();
        let kind = name.rsplit_once('.').map(|(_, kind)| kind);
        kind.is_none_or(|kind| KINDS_OF_SOURCE.contains(&kind) && kind != "md")
    };
    // This file quotes words that must not count as existing.
    let files = tree
        .iter()
        .filter(is_source)
        .filter(|path| *path != "tests/documents.rs")
        .map(|path| root().join(path))
        .filter(|path| path.is_file());
    let texts = files.filter_map(|path| fs::read_to_string(path).ok());
    texts.flat_map(|text| words_of(&text).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The words in code marks, except those in code blocks, and those that CONTRIBUTING.md sets in italics: they name other people's
/// code.
fn marked(document: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let outside_blocks = text.split("```").step_by(2);
    let mut found = Vec::new();
    for line in outside_blocks.flat_map(str::lines) {
        let (mut in_code, mut in_italics, mut word) = (false, false, String::new());
        let signs: Vec<char> = line.chars().collect();
        for (place, sign) in signs.iter().enumerate() {
            let is_doubled = signs.get(place + 1) == Some(&'*') || place > 0 && signs[place - 1] == '*';
            match sign {
                '`' if in_code => {
                    in_code = false;
                    if !in_italics {
                        found.push(std::mem::take(&mut word));
                    }
                    word.clear();
                }
                '`' => in_code = true,
                '*' if !in_code && !is_doubled && document == "CONTRIBUTING.md" => in_italics = !in_italics,
                sign if in_code => word.push(*sign),
                _ => {}
            }
        }
    }
    found
}

fn is_path(marked: &str) -> bool {
    let kind = Path::new(marked).extension().and_then(|kind| kind.to_str());
    let is_written_so = marked.chars().all(|sign| sign.is_ascii_alphanumeric() || "._-/*".contains(sign));
    let has_parts = marked.contains('/') && !marked.starts_with('/') && marked.split('/').next() != Some("");
    is_written_so && (has_parts || kind.is_some_and(|kind| KINDS_OF_SOURCE.contains(&kind)) && !marked.starts_with('.'))
}

/// A type, a function, a constant or a Rust path, with its parameters.
fn is_code(marked: &str) -> bool {
    let begins = marked.starts_with(|sign: char| sign.is_ascii_alphabetic() || sign == '_');
    begins && marked.chars().all(|sign| sign.is_ascii_alphanumeric() || "_:<>()".contains(sign))
}

fn exists(tree: &BTreeSet<String>, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    tree.contains(path) || tree.iter().any(|known| known.strip_suffix(path).is_some_and(|before| before.ends_with('/')))
}

#[test]
fn what_the_documents_name_exists() {
    let tree = tree();
    let words = words(&tree);
    let mut documents: Vec<String> = tree.iter().filter(|path| path.starts_with("docs/")).cloned().collect();
    documents.retain(|path| path.ends_with(".md"));
    documents.extend(["README.md", "README.zh-CN.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(str::to_owned));
    let (mut missing, mut seen) = (Vec::new(), BTreeSet::new());
    for document in &documents {
        for marked in marked(document) {
            let is_excused = NO_PATHS.iter().chain(ELSEWHERE).any(|(excused, _)| *excused == marked);
            let is_there = if is_path(&marked) {
                exists(&tree, &marked)
            } else if ABOUT_THE_HOUSE.contains(&document.as_str()) && is_code(&marked) {
                words_of(&marked).all(|word| words.contains(word))
            } else {
                true
            };
            if is_excused {
                seen.insert(marked);
            } else if !is_there {
                missing.push(format!("{document}: `{marked}`"));
            }
        }
    }
    assert!(missing.is_empty(), "named, and not there:\n{}", missing.join("\n"));
    let excused = NO_PATHS.iter().chain(ELSEWHERE).map(|(excused, _)| *excused);
    let idle: Vec<&str> = excused.filter(|excused| !seen.contains(*excused)).collect();
    assert!(idle.is_empty(), "excused, and named nowhere: {idle:?}");
}

/// The table rows of a document that begin with a word in code marks: the word, and the other cells.
fn rows(document: &str) -> Vec<(String, Vec<String>)> {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let row = |line: &str| {
        let (word, cells) = line.strip_prefix("| `")?.split_once("` |")?;
        Some((word.to_owned(), cells.split('|').map(|cell| cell.trim().to_owned()).collect()))
    };
    text.lines().filter_map(row).collect()
}

#[test]
fn the_webhooks_page_has_a_row_for_each_event() {
    let is_event = |word: &String| word.starts_with("payment.") || word.starts_with("refund.");
    let told: BTreeSet<String> = rows("docs/webhooks.md").into_iter().map(|(word, _)| word).filter(is_event).collect();
    let events = Event::ALL.map(|event| event.name().to_owned());
    assert_eq!(told, BTreeSet::from(events), "the table of docs/webhooks.md, beside the events there are");
}

#[test]
fn the_readme_has_a_row_for_each_channel_with_its_tab_and_needs() {
    let rows = rows("README.md");
    for channel in Channel::ALL {
        let row = rows.iter().find(|(word, _)| word == channel.name());
        let (_, cells) = row.unwrap_or_else(|| panic!("README.md: the table of channels has no row for `{channel}`"));
        let [_, tab, needs, ..] = cells.as_slice() else { panic!("README.md: the row of `{channel}` is too short") };
        assert_eq!(*tab, format!("`{}`", channel.tab()), "README.md: the tab of `{channel}`");
        let needed = [
            ("returnUrl", channel.needs_return_url()),
            ("openid", channel.needs_openid()),
            ("clientIp", channel.needs_client_ip()),
        ];
        let expect: Vec<String> =
            needed.iter().filter(|(_, needs)| *needs).map(|(field, _)| format!("`{field}`")).collect();
        assert_eq!(*needs, expect.join(", "), "README.md: what `{channel}` needs");
    }
}

#[test]
fn the_changelog_names_each_channel_and_event() {
    let text = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let names = Channel::ALL.map(Channel::name).into_iter().chain(Event::ALL.map(Event::name));
    for name in names {
        assert!(text.contains(&format!("`{name}`")), "CHANGELOG.md does not tell of `{name}`");
    }
}

/// The words at the beginning of item keys: `APP`, `TX`. The index `due` has keys of its own kind.
fn key_words(code: &str) -> BTreeSet<&str> {
    let begins = code.split('"').skip(1).step_by(2).map(|text| text.split(['#', '{']).next().unwrap());
    let is_word = |word: &&str| word.len() > 1 && word.bytes().all(|sign| sign.is_ascii_uppercase());
    begins.filter(is_word).filter(|word| *word != "DUE").collect()
}

#[test]
fn the_screen_of_items_has_each_kind_whose_key_is_made_there() {
    let text = fs::read_to_string(root().join("infra/store/src/schema.rs")).unwrap();
    let (screen, code): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("//!"));
    let (screen, code) = (screen.join("\n"), code.join("\n"));
    let words = key_words(&code);
    assert!(words.contains("TX") && words.contains("APP"), "{words:?}");
    for word in words {
        let is_shown = [format!("`{word}`"), format!("`{word}#")].iter().any(|key| screen.contains(key));
        assert!(is_shown, "infra/store/src/schema.rs: the screen at its top has no item whose key begins with {word}");
    }
}

/// The console finds a sentence's Chinese through its list. Sentences of an unknown list would be shown in English to everybody.
#[test]
fn the_console_knows_every_list_of_sentences() {
    let rows = fs::read_to_string(root().join("functions/admin/src/console/problems.rs")).unwrap();
    let mut unknown = Vec::new();
    for path in tree().iter().filter(|path| path.ends_with(".rs") && !path.starts_with("tests")) {
        let source = fs::read_to_string(root().join(path)).unwrap();
        let code = source.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
        let is_code = |line: &&str| !line.trim_start().starts_with("//");
        let code = code.lines().filter(is_code).collect::<Vec<_>>().join("\n");
        let lists = code.split("sentences! {").skip(1).filter_map(|list| list.split_once(" enum ")?.1.split_once(" {"));
        let kinds = lists.filter_map(|(declared, _)| declared.split_once(", ")).map(|(_, kinds)| kinds);
        unknown.extend(
            kinds
                .filter(|kinds| !rows.contains(&format!("        {kinds} => ")))
                .map(|kinds| format!("{path}: {kinds}")),
        );
    }
    assert!(unknown.is_empty(), "without a line in `rows` of console/problems.rs:\n{}", unknown.join("\n"));
}
