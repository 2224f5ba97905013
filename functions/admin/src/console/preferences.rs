//! A reader's preferences: language, zone, and the mode they looked at last. They are in a cookie; none of them is secret.

use domain::Mode;
use http::{HeaderMap, header};
use runtime::find_cookie;

/// The languages of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Zh,
    En,
}

impl Language {
    pub(crate) const ALL: [Self; 2] = [Self::Zh, Self::En];

    /// Its tag in HTML.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }

    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }

    /// The language's name in itself.
    pub(crate) fn own_name(self) -> &'static str {
        match self {
            Self::Zh => "中文",
            Self::En => "English",
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Zh => Self::En,
            Self::En => Self::Zh,
        }
    }

    fn find(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The language that the browser prefers among ours. English if the browser wants other languages only; Chinese if it names no
    /// language.
    fn wished(headers: &HeaderMap) -> Self {
        /// More than any browser sends.
        const WISHES_MAX: usize = 20;
        let Some(header) = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()) else {
            return Self::Zh;
        };
        let wish = |text: &str| {
            let (tag, weight) = text.split_once(";q=").unwrap_or((text, "1"));
            let primary = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
            // `0.8` is 800, so that weights compare without a fraction.
            let digits: String =
                weight.trim().chars().filter(char::is_ascii_digit).chain("000".chars()).take(4).collect();
            Some((digits.parse::<u32>().ok()?, Self::find(&primary)?))
        };
        let mut best = None;
        for (weight, language) in header.split(',').take(WISHES_MAX).filter_map(wish) {
            if best.is_none_or(|(heaviest, _)| weight > heaviest) {
                best = Some((weight, language));
            }
        }
        best.map_or(Self::En, |(_, language)| language)
    }
}

/// A zone without daylight saving time: minutes east of Greenwich.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zone {
    pub(crate) minutes: i32,
    pub(crate) zh: &'static str,
    pub(crate) en: &'static str,
}

/// The zones to choose from, Beijing first.
#[rustfmt::skip]
pub(crate) const ZONES: [Zone; 14] = [
    Zone { minutes:  480, zh: "北京时间", en: "Beijing" },
    Zone { minutes: -480, zh: "太平洋（标准）", en: "Pacific (standard)" },
    Zone { minutes: -420, zh: "山地（标准）", en: "Mountain (standard)" },
    Zone { minutes: -360, zh: "北美中部（标准）", en: "Central (standard)" },
    Zone { minutes: -300, zh: "北美东部（标准）", en: "Eastern (standard)" },
    Zone { minutes:    0, zh: "世界协调时", en: "UTC" },
    Zone { minutes:   60, zh: "中欧（标准）", en: "Central Europe (standard)" },
    Zone { minutes:  120, zh: "东欧（标准）", en: "Eastern Europe (standard)" },
    Zone { minutes:  180, zh: "莫斯科", en: "Moscow" },
    Zone { minutes:  240, zh: "迪拜", en: "Dubai" },
    Zone { minutes:  330, zh: "印度", en: "India" },
    Zone { minutes:  420, zh: "曼谷", en: "Bangkok" },
    Zone { minutes:  540, zh: "东京", en: "Tokyo" },
    Zone { minutes:  600, zh: "悉尼（标准）", en: "Sydney (standard)" },
];

impl Zone {
    pub(crate) const BEIJING: Self = Self { minutes: 480, zh: "北京时间", en: "Beijing" };

    fn find(minutes: &str) -> Option<Self> {
        let minutes: i32 = minutes.parse().ok()?;
        ZONES.into_iter().find(|zone| zone.minutes == minutes)
    }

    /// `UTC+08:00`
    pub(crate) fn offset(self) -> String {
        let (sign, minutes) = if self.minutes < 0 { ('-', -self.minutes) } else { ('+', self.minutes) };
        format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }

    pub(crate) fn label(self, language: Language) -> String {
        let name = match language {
            Language::Zh => self.zh,
            Language::En => self.en,
        };
        format!("{name} ({})", self.offset())
    }
}

/// The preferences of a reader.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Preferences {
    pub(crate) language: Language,
    pub(crate) zone: Zone,
    /// The mode looked at last. `None` if no mode was chosen yet.
    pub(crate) mode: Option<Mode>,
}

const COOKIE: &str = "maxpay_view";
pub(crate) const YEAR_SECONDS: u32 = 365 * 24 * 3600;

impl Preferences {
    /// The preferences in the cookie; else what the browser prefers; else Beijing's zone and Chinese.
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let kept = find_cookie(headers, COOKIE).unwrap_or_default();
        let mut parts = kept.split('.');
        let language = parts.next().and_then(Language::find);
        Self {
            language: language.unwrap_or_else(|| Language::wished(headers)),
            zone: parts.next().and_then(Zone::find).unwrap_or(Zone::BEIJING),
            mode: parts.next().and_then(Mode::find),
        }
    }

    /// The preferences after a reader changed one by a click.
    pub(crate) fn changed(self, language: Option<&str>, zone: Option<&str>, mode: Option<&str>) -> Self {
        Self {
            language: language.and_then(Language::find).unwrap_or(self.language),
            zone: zone.and_then(Zone::find).unwrap_or(self.zone),
            mode: mode.and_then(Mode::find).or(self.mode),
        }
    }

    /// The cookie that contains the preferences.
    pub(crate) fn cookie(self, secure: &str) -> String {
        let mode = self.mode.map_or("", Mode::name);
        let value = format!("{}.{}.{mode}", self.language.code(), self.zone.minutes);
        format!("{COOKIE}={value}; Path=/console; Max-Age={YEAR_SECONDS}; HttpOnly; SameSite=Lax{secure}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn the_browser_wishes_a_language() {
        const CASES: &[(&str, Language)] = &[
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Zh),
            ("en-US,en;q=0.9,zh;q=0.8", Language::En),
            ("fr,zh;q=0.4,en;q=0.5",    Language::En),
            ("fr,zh;q=0.55,en;q=0.5",   Language::Zh),
            ("fr",                      Language::En),
            ("zh-TW",                   Language::Zh),
            ("ZH",                      Language::Zh),
            ("",                        Language::En),
        ];
        for (header, expect) in CASES {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, header.parse().unwrap());
            assert_eq!(Preferences::read(&headers).language, *expect, "{header}");
        }
        assert_eq!(Preferences::read(&HeaderMap::new()).language, Language::Zh);
    }

    #[test]
    fn the_cookie_goes_round_and_nonsense_in_it_is_nothing() {
        let start = Preferences::read(&HeaderMap::new());
        let changed = start.changed(Some("en"), Some("330"), Some("test"));
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, changed.cookie("").split(';').next().unwrap().parse().unwrap());
        let read = Preferences::read(&headers);
        assert_eq!(
            (read.language, read.zone.offset(), read.mode),
            (Language::En, "UTC+05:30".to_owned(), Some(Mode::Test))
        );
        headers.insert(header::COOKIE, "maxpay_view=<script>.9999.x".parse().unwrap());
        let read = Preferences::read(&headers);
        assert_eq!((read.language, read.zone.minutes, read.mode), (Language::Zh, 480, None));
    }
}
