//! Sentences that people read: closed lists, each sentence with a code, its parameters and its English text.
//!
//! The crate that says the sentences holds their list; [`crate::sentences!`] makes an enum of it. The operator API returns the code and the
//! parameters beside the text, and they are stored in the same form. The console says the same in the reader's language: it matches the
//! list's kinds, so the compiler demands the translation of each new sentence. Here there is only English.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One sentence as it is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// In English.
    pub text: String,
    /// The same without a language: code and parameters.
    #[serde(flatten)]
    pub said: Said,
}

/// Which sentence it is, with its parameters. It is stored and returned in this form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The code of the list: `too-long`.
    pub code: Cow<'static, str>,
    /// Texts, numbers and sentences of lists, which are objects of this form. Each name is in camel case.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
}

crate::sentences! {
    /// Words that are not a sentence of a list: words of others, or words that a version without codes stored.
    pub enum AsItIs, AsItIsKind {
        Words { words: String } = "words": "{words}";
    }
}

impl Sentence {
    /// Words that are shown as they are.
    pub fn as_it_is(words: impl Into<String>) -> Self {
        AsItIs::Words { words: words.into() }.into()
    }

    /// What is stored beside the text. It repeats the text, so a reader can see whether both belong together: a version that knows only
    /// texts may run beside this one and overwrite the text.
    pub fn to_json(&self) -> String {
        // Texts and objects can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// A stored text and what is stored beside it. If that is missing, or belongs to another text, the text is shown as it is.
    pub fn kept(text: impl Into<String>, json: Option<&str>) -> Self {
        let text = text.into();
        let sentence = json.and_then(|json| serde_json::from_str::<Self>(json).ok());
        sentence.filter(|sentence| sentence.text == text).unwrap_or_else(|| Self::as_it_is(text))
    }
}

impl std::fmt::Display for Sentence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// `bytes_max` is `bytesMax` on the wire.
pub fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |whole, word| {
        let mut signs = word.chars();
        let head = signs.next().map(|sign| sign.to_ascii_uppercase());
        whole.chars().chain(head).chain(signs).collect()
    })
}

/// Longer than any name or list of names in a sentence. Words of others are cut shorter where they are read.
const PARAM_CHARS_MAX: usize = 1024;

/// What can stand in a sentence.
pub trait ToParam {
    /// The same value without a language, within bounds.
    fn to_param(&self) -> Value;
}

impl ToParam for str {
    fn to_param(&self) -> Value {
        self.chars().take(PARAM_CHARS_MAX).collect::<String>().into()
    }
}

impl ToParam for String {
    fn to_param(&self) -> Value {
        self.as_str().to_param()
    }
}

impl ToParam for usize {
    fn to_param(&self) -> Value {
        i64::try_from(*self).unwrap_or(i64::MAX).into()
    }
}

impl ToParam for Said {
    fn to_param(&self) -> Value {
        // A name and an object can always be written.
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Words that are shown as they are stand in another sentence without a code of their own.
impl ToParam for Sentence {
    fn to_param(&self) -> Value {
        if self.said.code == AsItIsKind::Words.code() { self.text.to_param() } else { self.said.to_param() }
    }
}

impl<T: ToParam + ?Sized> ToParam for &T {
    fn to_param(&self) -> Value {
        (**self).to_param()
    }
}

impl<T: ToParam + ?Sized> ToParam for Box<T> {
    fn to_param(&self) -> Value {
        self.as_ref().to_param()
    }
}

/// Numbers and words that are written as they are.
macro_rules! plain_params {
    ($($number:ty),+; $($word:ty),+) => {
        $( impl ToParam for $number {
            fn to_param(&self) -> Value {
                (*self).into()
            }
        } )+
        $( impl ToParam for $word {
            fn to_param(&self) -> Value {
                self.to_string().into()
            }
        } )+
    };
}

plain_params!(i64, u64, u32, u16, u8; crate::Channel, crate::Tab, crate::Mode, crate::AccountNumber, crate::Timestamp);

/// For [`crate::sentences!`].
#[doc(hidden)]
pub type SentenceParam = Value;

/// For [`crate::sentences!`].
#[doc(hidden)]
pub fn sentence_params(named: Vec<(&str, Value)>) -> Map<String, Value> {
    named.into_iter().map(|(name, value)| (camel_case(name), value)).collect()
}

/// Makes a closed list of sentences:
///
/// ```
/// domain::sentences! {
///     /// What is wrong with a name.
///     pub enum NameProblem, NameProblemKind {
///         Taken = "name-taken": "is taken";
///         TooLong { chars_max: usize } = "name-too-long": "must have at most {chars_max} characters";
///     }
/// }
/// assert_eq!(NameProblem::TooLong { chars_max: 9 }.to_string(), "must have at most 9 characters");
/// assert_eq!(NameProblem::Taken.sentence().said.code, "name-taken");
/// assert_eq!(NameProblemKind::ALL.len(), 2);
/// ```
///
/// The second enum has the same variants without their parameters. Code that has another text for each sentence matches it.
#[macro_export]
macro_rules! sentences {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident, $kinds:ident {
            $( $variant:ident $({ $($field:ident: $type:ty),+ })? = $code:literal: $text:literal; )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        $vis enum $name {
            $(
                #[doc = $text]
                $variant $({ $( #[doc = concat!("`", stringify!($field), "` of the text.")] $field: $type ),+ })?,
            )+
        }

        impl $name {
            /// Which of the list's sentences it is.
            $vis fn kind(&self) -> $kinds {
                match self {
                    $( Self::$variant { .. } => $kinds::$variant, )+
                }
            }

            /// The sentence, with its code and its parameters.
            $vis fn sentence(&self) -> $crate::Sentence {
                let params = match self {
                    $( Self::$variant $({ $($field),+ })? => $crate::sentence_params(::std::vec![
                        $($( (stringify!($field), $crate::ToParam::to_param($field)) ),+)?
                    ]), )+
                };
                $crate::Sentence {
                    text: self.to_string(),
                    said: $crate::Said { code: ::std::borrow::Cow::Borrowed(self.kind().code()), params },
                }
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self {
                    $( Self::$variant $({ $($field),+ })? => write!(f, $text), )+
                }
            }
        }

        impl ::core::error::Error for $name {}

        impl $crate::ToParam for $name {
            fn to_param(&self) -> $crate::SentenceParam {
                $crate::ToParam::to_param(&self.sentence())
            }
        }

        impl From<$name> for $crate::Sentence {
            fn from(said: $name) -> Self {
                said.sentence()
            }
        }

        #[doc = concat!("The sentences of [`", stringify!($name), "`], without what stands in them.")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $kinds {
            $( #[doc = $text] $variant, )+
        }

        impl $kinds {
            /// All of them, in the list's order.
            $vis const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// Its code.
            $vis fn code(self) -> &'static str {
                match self {
                    $( Self::$variant => $code, )+
                }
            }

            /// Its English text, with the names of its parameters in braces.
            $vis fn english(self) -> &'static str {
                match self {
                    $( Self::$variant => $text, )+
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    crate::sentences! {
        /// Of a test.
        enum Outer, OuterKind {
            Plain = "plain": "it is so";
            Holds { count: usize, inner: Inner } = "holds": "it holds {count} of those that say {inner}";
            Deep { inner: Box<Outer> } = "deep": "deeper: {inner}";
        }
    }

    crate::sentences! {
        /// Of a test.
        enum Inner, InnerKind {
            Named { name: &'static str } = "named": "`{name}`";
        }
    }

    #[test]
    fn a_sentence_has_a_code_a_text_and_what_stands_in_it() {
        let holds = Outer::Holds { count: 2, inner: Inner::Named { name: "a" } };
        assert_eq!(holds.to_string(), "it holds 2 of those that say `a`");
        let found = holds.sentence();
        let said = json!({ "code": "holds", "params": { "count": 2, "inner": { "code": "named", "params": { "name": "a" } } } });
        assert_eq!(
            (found.text.as_str(), serde_json::to_value(&found.said).unwrap()),
            (holds.to_string().as_str(), said)
        );
        let deep = Outer::Deep { inner: Box::new(Outer::Plain) };
        assert_eq!((deep.kind(), deep.to_string().as_str()), (OuterKind::Deep, "deeper: it is so"));
        assert_eq!(OuterKind::ALL.iter().map(|kind| kind.code()).collect::<Vec<_>>(), ["plain", "holds", "deep"]);
        assert_eq!((InnerKind::ALL.len(), InnerKind::Named.english()), (1, "`{name}`"));
        assert_eq!(OuterKind::Deep.english(), "deeper: {inner}");
    }

    #[test]
    fn what_is_kept_comes_back_and_a_text_alone_stays_as_it_is() {
        let holds = Outer::Holds { count: 2, inner: Inner::Named { name: "a" } }.sentence();
        assert_eq!(Sentence::kept(holds.text.clone(), Some(&holds.to_json())), holds);
        let plain = Outer::Plain.sentence();
        assert_eq!(plain.to_json(), r#"{"text":"it is so","code":"plain"}"#);
        assert_eq!(Sentence::kept("it is so", Some(&plain.to_json())), plain);
        // A version that knows only texts stored the first text without JSON, and wrote the second over the text of this JSON.
        for json in [None, Some(plain.to_json().as_str()), Some("[]"), Some("")] {
            let of_before = Sentence::kept("it was so", json);
            assert_eq!((of_before.text.as_str(), &*of_before.said.code), ("it was so", "words"), "{json:?}");
            assert_eq!(of_before.said.params["words"], "it was so");
        }
    }

    #[test]
    fn what_stands_in_a_sentence_is_bounded() {
        let long = Sentence::as_it_is("x".repeat(5000)).said.params;
        assert_eq!(long["words"].as_str().unwrap().len(), PARAM_CHARS_MAX);
    }
}
