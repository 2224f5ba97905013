//! Sentences that people read: closed lists, each sentence with a code, its parameters and its English text.
//!
//! Where a list is, is decided by who says the sentences; [`crate::sentences!`] makes an enum of it. The operator API gives the code and the
//! parameters out beside the text. The console says the same in the reader's language: it matches the list's kinds, so that the compiler
//! asks for the translation of a new sentence. There is no other language here.

/// One sentence as it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Which sentence it is: `too-long`.
    pub code: &'static str,
    /// The same in English.
    pub text: String,
    /// What stands in it, in the order of the list.
    pub parts: Vec<(&'static str, Part)>,
}

/// Something that stands in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A name, or somebody else's words.
    Text(String),
    /// A number.
    Number(i64),
    /// A sentence of a list.
    Sentence(Sentence),
}

/// What can stand in a sentence.
pub trait ToPart {
    /// The same as a part.
    fn to_part(&self) -> Part;
}

impl ToPart for String {
    fn to_part(&self) -> Part {
        Part::Text(self.clone())
    }
}

impl ToPart for &str {
    fn to_part(&self) -> Part {
        Part::Text((*self).to_owned())
    }
}

impl ToPart for i64 {
    fn to_part(&self) -> Part {
        Part::Number(*self)
    }
}

impl ToPart for usize {
    fn to_part(&self) -> Part {
        Part::Number(i64::try_from(*self).unwrap_or(i64::MAX))
    }
}

impl<T: ToPart> ToPart for Box<T> {
    fn to_part(&self) -> Part {
        self.as_ref().to_part()
    }
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
/// assert_eq!(NameProblem::Taken.sentence().code, "name-taken");
/// assert_eq!(NameProblemKind::ALL.len(), 2);
/// ```
///
/// The second enum has the same variants without their parameters: whoever has another text for each matches it.
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

            /// The sentence, with its code and what stands in it.
            $vis fn sentence(&self) -> $crate::Sentence {
                let parts = match self {
                    $( Self::$variant $({ $($field),+ })? => {
                        vec![ $($( (stringify!($field), $crate::ToPart::to_part($field)) ),+)? ]
                    } )+
                };
                $crate::Sentence { code: self.kind().code(), text: self.to_string(), parts }
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

        impl $crate::ToPart for $name {
            fn to_part(&self) -> $crate::Part {
                $crate::Part::Sentence(self.sentence())
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

            /// Its English text, with the names of what stands in it in braces.
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
    fn a_sentence_has_a_code_a_text_and_its_parts() {
        let holds = Outer::Holds { count: 2, inner: Inner::Named { name: "a" } };
        assert_eq!(holds.to_string(), "it holds 2 of those that say `a`");
        let named =
            Sentence { code: "named", text: "`a`".to_owned(), parts: vec![("name", Part::Text("a".to_owned()))] };
        let parts = vec![("count", Part::Number(2)), ("inner", Part::Sentence(named))];
        assert_eq!(holds.sentence(), Sentence { code: "holds", text: holds.to_string(), parts });
        let deep = Outer::Deep { inner: Box::new(Outer::Plain) };
        assert_eq!((deep.kind(), deep.to_string().as_str()), (OuterKind::Deep, "deeper: it is so"));
        assert_eq!(OuterKind::ALL.iter().map(|kind| kind.code()).collect::<Vec<_>>(), ["plain", "holds", "deep"]);
        assert_eq!((InnerKind::ALL.len(), InnerKind::Named.english()), (1, "`{name}`"));
        assert_eq!(OuterKind::Deep.english(), "deeper: {inner}");
    }
}
