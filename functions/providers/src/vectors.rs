//! What the test harnesses of the three providers share: they read the files, and prove that the test checks every expected value.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct File {
    keys: BTreeMap<String, String>,
    vectors: Vec<Vector>,
}

/// One case: the input, and the expected result.
#[derive(Clone, Deserialize)]
pub(crate) struct Vector {
    pub(crate) provider: String,
    pub(crate) case: String,
    pub(crate) inputs: Map<String, Value>,
    pub(crate) expected: Map<String, Value>,
}

impl Vector {
    /// The part of the case's name that says what is done.
    pub(crate) fn kind(&self) -> &str {
        self.case.split('/').next().unwrap()
    }
}

/// The vectors of a provider, and the keys that they name.
pub(crate) struct Vectors {
    pub(crate) keys: BTreeMap<String, String>,
    pub(crate) all: Vec<Vector>,
}

const PUBLISHED: &str = include_str!("../vectors/published.json");

impl Vectors {
    /// Loads the vectors of the provider's own file and of `published.json`.
    pub(crate) fn load(own: &str, provider: &str) -> Self {
        let file: File = serde_json::from_str(own).unwrap();
        let published: File = serde_json::from_str(PUBLISHED).unwrap();
        let all = file.vectors.into_iter().chain(published.vectors);
        Self { keys: file.keys, all: all.filter(|vector| vector.provider.starts_with(provider)).collect() }
    }

    /// Runs every vector once. There must be `count` in all: the number was counted in the files by hand.
    pub(crate) fn run_all(&self, count: usize, run: impl Fn(&Vector)) {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for vector in &self.all {
            run(vector);
            *counts.entry(format!("{} {}", vector.provider, vector.kind())).or_default() += 1;
        }
        let names: BTreeSet<(&str, &str)> =
            self.all.iter().map(|vector| (vector.provider.as_str(), vector.case.as_str())).collect();
        assert_eq!((self.all.len(), names.len()), (count, count), "a case appears twice, or another number of them");
        #[expect(clippy::print_stdout, reason = "the count is what a reader of the test's output wants")]
        {
            println!("{count} vectors run: {counts:?}");
        }
    }

    /// The harness must fail after any change of an expected value, except at the leaves in `unasserted`, each with a reason.
    pub(crate) fn every_leaf_counts(&self, unasserted: &[Unasserted], run: impl Fn(&Vector)) {
        let (mut ignored, mut used) = (Vec::new(), BTreeSet::new());
        for vector in &self.all {
            // It must pass unchanged. Otherwise its failures would prove nothing.
            run(vector);
            for leaf in leaves(&vector.expected) {
                if let Some(known) = unasserted.iter().find(|known| known.leaf == leaf) {
                    used.insert(known.leaf);
                    continue;
                }
                for changed in changes(vector.expected_at(&leaf)) {
                    let changed = vector.with(&leaf, changed);
                    if catch_unwind(AssertUnwindSafe(|| run(&changed))).is_ok() {
                        ignored.push(format!("{}{leaf}", vector.case));
                    }
                }
            }
        }
        assert!(ignored.is_empty(), "these may be anything, and the harness is content:\n{}", ignored.join("\n"));
        let stale: Vec<_> =
            unasserted.iter().filter(|known| !used.contains(known.leaf)).map(|known| known.leaf).collect();
        assert!(stale.is_empty(), "no vector has these any longer: {stale:?}");
    }
}

/// A leaf of `expected` that no code can be checked against.
pub(crate) struct Unasserted {
    /// Its JSON pointer.
    pub(crate) leaf: &'static str,
    /// Why not.
    #[expect(dead_code, reason = "it is for who reads the list")]
    pub(crate) why: &'static str,
}

impl Vector {
    fn expected_at(&self, leaf: &str) -> &Value {
        let (first, rest) = split(leaf);
        self.expected[&first].pointer(rest).unwrap()
    }

    fn with(&self, leaf: &str, value: Value) -> Self {
        let mut changed = self.clone();
        let (first, rest) = split(leaf);
        *changed.expected.get_mut(&first).unwrap().pointer_mut(rest).unwrap() = value;
        changed
    }
}

/// The first part of a pointer, and the pointer below it.
fn split(leaf: &str) -> (String, &str) {
    let inner = leaf.strip_prefix('/').unwrap();
    let end = inner.find('/').unwrap_or(inner.len());
    (inner[..end].replace("~1", "/").replace("~0", "~"), &inner[end..])
}

/// The pointers of all values that contain no other values.
fn leaves(members: &Map<String, Value>) -> Vec<String> {
    fn collect(value: &Value, at: String, found: &mut Vec<String>) {
        match value {
            Value::Object(members) if !members.is_empty() => {
                for (name, value) in members {
                    collect(value, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (index, value) in items.iter().enumerate() {
                    collect(value, format!("{at}/{index}"), found);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                found.push(at);
            }
        }
    }
    let mut found = Vec::new();
    collect(&Value::Object(members.clone()), String::new(), &mut found);
    found
}

/// Other values of the same form: a failure only because a text is not valid JSON would prove little.
fn changes(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(is) => vec![Value::Bool(!is)],
        Value::Number(number) => vec![(number.as_i64().unwrap() + 1).into()],
        Value::String(text) => other_texts(text).into_iter().map(Value::String).collect(),
        Value::Null | Value::Array(_) | Value::Object(_) => vec!["x".into()],
    }
}

/// The text with one letter or digit changed: the first, the one in the middle, the last.
fn other_texts(text: &str) -> Vec<String> {
    let places: Vec<usize> =
        text.char_indices().filter(|(_, sign)| sign.is_ascii_alphanumeric()).map(|(place, _)| place).collect();
    let Some(last) = places.last() else { return vec![format!("{text}x")] };
    let chosen = BTreeSet::from([places[0], places[places.len() / 2], *last]);
    let changed = |place: usize| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[place] = match bytes[place] {
            b'9' | b'z' | b'Z' => bytes[place] - 1,
            other => other + 1,
        };
        String::from_utf8(bytes).unwrap()
    };
    chosen.into_iter().map(changed).collect()
}

#[test]
fn a_changed_expectation_that_nobody_looks_at_is_found() {
    let expected: Map<String, Value> =
        serde_json::from_str(r#"{"sign":"aZ9","fields":{"a/b":"茶","n":1},"ok":true,"note":"words"}"#).unwrap();
    let vector = Vector { provider: "x".into(), case: "x/1".into(), inputs: Map::new(), expected };
    let vectors = Vectors { keys: BTreeMap::new(), all: vec![vector] };
    let note = [Unasserted { leaf: "/note", why: "words" }];
    let looks_at_all = |vector: &Vector| {
        assert_eq!(vector.expected["sign"], "aZ9");
        assert_eq!(vector.expected["fields"], serde_json::json!({"a/b": "茶", "n": 1}));
        assert_eq!(vector.expected["ok"], true);
    };
    vectors.every_leaf_counts(&note, looks_at_all);
    let check = |unasserted: &[Unasserted], run: &dyn Fn(&Vector), words: &str| {
        let error = catch_unwind(AssertUnwindSafe(|| vectors.every_leaf_counts(unasserted, run))).unwrap_err();
        let told = error.downcast_ref::<String>().unwrap();
        assert!(told.contains(words), "{told}");
    };
    check(&[], &looks_at_all, "x/1/note");
    check(&[Unasserted { leaf: "/note", why: "" }, Unasserted { leaf: "/gone", why: "" }], &looks_at_all, "/gone");
    let ignores_a_field = |vector: &Vector| {
        looks_at_all(&vector.with("/fields/a~1b", "茶".into()));
    };
    check(&note, &ignores_a_field, "x/1/fields/a~1b");
}
