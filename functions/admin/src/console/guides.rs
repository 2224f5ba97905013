//! The guides as pages of the console: `docs/zh` and `docs/en` in the reader's language, and the documents of `docs/` that they refer to.
//!
//! They are compiled in, so that a deployed console shows what is true of its own version, and needs no other host. They are public:
//! a developer reads them without an operator's password.

use askama::Template;
use domain::{Family, Tab};

use super::{
    Answer, Trouble,
    desk::Desk,
    frame::{Frame, Section},
    markdown,
    preferences::Language,
    texts::{self, Texts},
};

/// The name of the table of contents, which is at `/console/guides` itself.
const CONTENTS: &str = "README";

/// The local stack's page about every call. A deployed stack has none.
const API_REFERENCE: &str = "/docs";

/// A document, by its path below `docs/` without language and extension.
struct Document {
    name: &'static str,
    text: Text,
}

#[derive(Clone, Copy)]
enum Text {
    Both { zh: &'static str, en: &'static str },
    English(&'static str),
}

macro_rules! guide {
    ($name:literal) => {
        Document {
            name: $name,
            text: Text::Both {
                zh: include_str!(concat!("../../../../docs/zh/", $name, ".md")),
                en: include_str!(concat!("../../../../docs/en/", $name, ".md")),
            },
        }
    };
}

/// A document about a subject in full. The guides have pages of the same names, so its address has another part.
macro_rules! reference {
    ($name:literal) => {
        Document {
            name: concat!("reference/", $name),
            text: Text::English(include_str!(concat!("../../../../docs/", $name, ".md"))),
        }
    };
}

static DOCUMENTS: [Document; 23] = [
    guide!("README"),
    guide!("quick-start"),
    guide!("checkout"),
    guide!("android"),
    guide!("testing"),
    guide!("webhooks"),
    guide!("cli"),
    guide!("refunds-and-reconciliation"),
    guide!("errors"),
    guide!("alipay"),
    guide!("wechat-pay"),
    guide!("unionpay"),
    guide!("prices-and-threats"),
    guide!("going-live"),
    guide!("moving-from-maxleap"),
    guide!("moving-from-other-aggregators"),
    reference!("china"),
    reference!("operate"),
    reference!("original-clients"),
    reference!("protocols"),
    reference!("security"),
    reference!("webhooks"),
    reference!("wire-contract"),
];

impl Document {
    fn find(name: &str) -> Option<&'static Self> {
        DOCUMENTS.iter().find(|document| document.name == name)
    }

    fn text(&self, language: Language) -> &'static str {
        match (self.text, language) {
            (Text::Both { zh, .. }, Language::Zh) => zh,
            (Text::Both { en, .. }, Language::En) | (Text::English(en), _) => en,
        }
    }

    fn title(&self, language: Language) -> &'static str {
        self.text(language).lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default()
    }

    /// The language in which a reader gets it.
    fn language(&self, reader: Language) -> Language {
        match self.text {
            Text::Both { .. } => reader,
            Text::English(_) => Language::En,
        }
    }

    fn address(&self) -> String {
        if self.name == CONTENTS { "/console/guides".to_owned() } else { format!("/console/guides/{}", self.name) }
    }

    /// The address of what a link of this document leads to. `None` if it leads to a file that no page shows.
    fn leads_to(&self, link: &str, api_reference: Option<&str>) -> Option<String> {
        if link.starts_with("https://") || link.starts_with('#') {
            return Some(link.to_owned());
        }
        let (path, anchor) = link.split_once('#').map_or((link, String::new()), |(path, at)| (path, format!("#{at}")));
        let mut parts = match self.text {
            // Each language has a folder of its own.
            Text::Both { .. } => vec!["docs", "guides"],
            Text::English(_) => vec!["docs"],
        };
        for part in path.split('/') {
            match part {
                ".." => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        let found = match parts.as_slice() {
            ["docs", "openapi.yaml"] => return api_reference.map(str::to_owned),
            ["docs", "guides" | "zh" | "en", file] => Self::find(file.strip_suffix(".md")?)?,
            ["docs", file] => Self::find(&format!("reference/{}", file.strip_suffix(".md")?))?,
            _ => return None,
        };
        Some(found.address() + &anchor)
    }
}

/// What the guides help with, beside what the console shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// Where each key of a provider is, and where it goes.
    Keys(Family),
    /// What goes wrong with a provider's settings.
    Mistakes(Family),
    QuickStart,
    Errors,
    Prices,
    Testing,
    GoingLive,
    Webhooks,
    WebhookMistakes,
    Refunds,
    Reconciliation,
}

/// The place of a topic: a document, and a heading in it.
struct Place {
    document: &'static str,
    heading: Option<Heading>,
}

/// The same heading in both languages.
struct Heading {
    zh: &'static str,
    en: &'static str,
}

const fn page(document: &'static str) -> Place {
    Place { document, heading: None }
}

const fn part(document: &'static str, zh: &'static str, en: &'static str) -> Place {
    Place { document, heading: Some(Heading { zh, en }) }
}

impl Topic {
    #[rustfmt::skip]
    fn place(self) -> Place {
        match self {
            Self::Keys(Family::Ali)        => part("alipay", "密钥在哪里，填到哪里", "Where each key is, and where it goes"),
            Self::Keys(Family::Wx)         => part("wechat-pay", "密钥在哪里，填到哪里", "Where each key is, and where it goes"),
            Self::Keys(Family::Unipay)     => part("unionpay", "证书在哪里，填到哪里", "Where each certificate is, and where it goes"),
            Self::Mistakes(Family::Ali)    => part("alipay", "常见问题", "Common mistakes"),
            Self::Mistakes(Family::Wx)     => part("wechat-pay", "常见问题", "Common mistakes"),
            Self::Mistakes(Family::Unipay) => part("unionpay", "常见问题", "Common mistakes"),
            Self::QuickStart               => page("quick-start"),
            Self::Errors                   => page("errors"),
            Self::Prices                   => page("prices-and-threats"),
            Self::Testing                  => page("testing"),
            Self::GoingLive                => page("going-live"),
            Self::Webhooks                 => page("webhooks"),
            Self::WebhookMistakes          => part("webhooks", "常见问题", "Common mistakes"),
            Self::Refunds                  => part("refunds-and-reconciliation", "退款的结局", "How a refund ends"),
            Self::Reconciliation           => part("refunds-and-reconciliation", "对账", "Reconciliation"),
        }
    }

    /// The link to this topic, for a reader of this language.
    pub(crate) fn link(self, language: Language) -> Link {
        let Place { document, heading } = self.place();
        let Some(document) = Document::find(document) else {
            return Link { href: String::new(), label: String::new() };
        };
        let title = document.title(language);
        let heading = heading.map(|heading| match language {
            Language::Zh => heading.zh,
            Language::En => heading.en,
        });
        match heading {
            None => Link { href: document.address(), label: title.to_owned() },
            Some(heading) => Link {
                href: format!("{}#{}", document.address(), markdown::anchor(heading)),
                label: texts::fill(texts::of(language).guide_part, &[title, heading]),
            },
        }
    }
}

/// A link to a guide.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) href: String,
    pub(crate) label: String,
}

/// The topics of a channel's page.
pub(crate) fn of_channel(tab: Tab) -> [Topic; 2] {
    [Topic::Keys(tab.family()), Topic::Mistakes(tab.family())]
}

#[derive(Template)]
#[template(path = "guide.html")]
struct Guide {
    f: Frame,
    t: &'static Texts,
    is_contents: bool,
    title: &'static str,
    /// The language of the text. It is not that of the frame where a document is in English only.
    tag: &'static str,
    body: String,
}

/// `/console/guides/<name>`
pub(crate) fn show(desk: &Desk<'_>, segments: &[&str]) -> Answer {
    let name = if segments.is_empty() { CONTENTS.to_owned() } else { segments.join("/") };
    let document = Document::find(&name).ok_or(Trouble::NotFound)?;
    let language = desk.preferences.language;
    let api_reference = desk.deps.services.config.local.as_ref().map(|_| API_REFERENCE);
    let body = markdown::render(document.text(language), |link| document.leads_to(link, api_reference));
    let title = document.title(language);
    let f = Frame { section: Section::Guides, ..desk.frame(title) };
    let (is_contents, tag) = (name == CONTENTS, document.language(language).tag());
    desk.page(200, &Guide { f, t: desk.t(), is_contents, title, tag, body })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    const TOPICS: [Topic; 15] = [
        Topic::Keys(Family::Ali),
        Topic::Keys(Family::Wx),
        Topic::Keys(Family::Unipay),
        Topic::Mistakes(Family::Ali),
        Topic::Mistakes(Family::Wx),
        Topic::Mistakes(Family::Unipay),
        Topic::QuickStart,
        Topic::Errors,
        Topic::Prices,
        Topic::Testing,
        Topic::GoingLive,
        Topic::Webhooks,
        Topic::WebhookMistakes,
        Topic::Refunds,
        Topic::Reconciliation,
    ];

    #[test]
    fn every_guide_is_a_page() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/zh");
        let file = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let files: BTreeSet<String> = fs::read_dir(folder).unwrap().map(file).collect();
        let guides = DOCUMENTS.iter().filter(|document| matches!(document.text, Text::Both { .. }));
        assert_eq!(guides.map(|guide| format!("{}.md", guide.name)).collect::<BTreeSet<_>>(), files);
    }

    #[test]
    fn every_topic_is_a_heading_of_its_document_in_both_languages() {
        for topic in TOPICS {
            let Place { document, heading } = topic.place();
            let document = Document::find(document).unwrap_or_else(|| panic!("{topic:?}: {document} is no page"));
            for language in Language::ALL {
                assert!(!document.title(language).is_empty(), "{topic:?}");
                let Some(Heading { zh, en }) = &heading else { continue };
                let expect = if language == Language::Zh { *zh } else { *en };
                let headings = markdown::headings(document.text(language));
                assert!(headings.iter().any(|one| one == expect), "{topic:?}: no `{expect}` in {headings:?}");
            }
        }
    }

    #[test]
    #[rustfmt::skip]
    fn a_link_leads_to_the_page_that_shows_its_file() {
        const CASES: &[(&str, &str, Option<&str>)] = &[
            ("alipay",            "errors.md",                 Some("/console/guides/errors")),
            ("alipay",            "errors.md#1-app_invalid",   Some("/console/guides/errors#1-app_invalid")),
            ("alipay",            "../en/alipay.md",           Some("/console/guides/alipay")),
            ("alipay",            "README.md",                 Some("/console/guides")),
            ("alipay",            "../webhooks.md",            Some("/console/guides/reference/webhooks")),
            ("alipay",            "https://open.alipay.com",   Some("https://open.alipay.com")),
            ("alipay",            "#sources",                  Some("#sources")),
            ("alipay",            "../openapi.yaml",           Some("/docs")),
            ("alipay",            "../../sdk/README.md",       None),
            ("alipay",            "../../../etc/passwd",       None),
            ("alipay",            "http://elsewhere.example",  None),
            ("alipay",            "javascript:alert(1)",       None),
            ("reference/operate", "security.md",               Some("/console/guides/reference/security")),
            ("reference/operate", "zh/README.md",              Some("/console/guides")),
            ("reference/operate", "../README.md",              None),
        ];
        for (from, link, expect) in CASES {
            let found = Document::find(from).unwrap().leads_to(link, Some("/docs"));
            assert_eq!(found.as_deref(), *expect, "{link} in {from}");
        }
        assert_eq!(Document::find("alipay").unwrap().leads_to("../openapi.yaml", None), None);
    }
}
