//! What the tool says: both languages side by side, at the place where it is said.

use domain::Mode;

/// A language that the tool speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    Zh,
    En,
}

impl Language {
    /// The language of a locale such as `zh_CN.UTF-8`. The first of the values that is set decides, as POSIX says of `LC_ALL`, `LC_MESSAGES`
    /// and `LANG`.
    pub(crate) fn of_locale(values: &[Option<String>]) -> Self {
        let set = values.iter().flatten().find(|value| !value.is_empty());
        if set.is_some_and(|locale| locale.to_ascii_lowercase().starts_with("zh")) { Self::Zh } else { Self::En }
    }
}

/// One text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    zh: Box<str>,
    en: Box<str>,
}

impl Words {
    /// The two texts.
    pub(crate) fn new(zh: impl Into<Box<str>>, en: impl Into<Box<str>>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    /// A text that is the same in both languages, such as a name, or what the gateway says.
    pub(crate) fn alike(text: impl Into<Box<str>>) -> Self {
        let text: Box<str> = text.into();
        Self { zh: text.clone(), en: text }
    }

    /// The text in this language.
    pub(crate) fn to(&self, language: Language) -> &str {
        match language {
            Language::Zh => &self.zh,
            Language::En => &self.en,
        }
    }

    /// This text and another one below it.
    pub(crate) fn and_below(self, next: &Self) -> Self {
        Self::new(format!("{}\n{}", self.zh, next.zh), format!("{}\n{}", self.en, next.en))
    }
}

/// What people in China call a mode.
pub(crate) fn mode_in_chinese(mode: Mode) -> &'static str {
    match mode {
        Mode::Live => "正式",
        Mode::Test => "测试",
    }
}

/// `words!("中文 {x}", "English {x}")`: both texts, with the variables that they name.
macro_rules! words {
    ($zh:literal, $en:literal) => {
        $crate::words::Words::new(format_args!($zh).to_string(), format_args!($en).to_string())
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn the_first_locale_that_is_set_decides() {
        for (values, expect) in [
            ([None,              None,                None],              Language::En),
            ([None,              None,                Some("zh_CN.UTF-8")], Language::Zh),
            ([Some(""),          Some("zh_TW"),       Some("en_US")],     Language::Zh),
            ([Some("C"),         Some("zh_CN"),       Some("zh_CN")],     Language::En),
            ([Some("ZH_cn"),     None,                None],              Language::Zh),
            ([Some("de_DE"),     None,                None],              Language::En),
        ] {
            assert_eq!(Language::of_locale(&values.map(|value| value.map(str::to_owned))), expect, "{values:?}");
        }
    }
}
