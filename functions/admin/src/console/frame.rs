//! The frame of every page: navigation, language, zone, mode, and the message about the last action.

use domain::{Mode, OperatorRole};
use store::AppSummary;

use super::{
    assets::{self, Asset},
    format,
    guides::{Link, Topic},
    preferences::{Language, Preferences, ZONES, Zone},
    texts::{self, Texts},
};
use crate::unread::Unread;

/// The section of the console that a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    None,
    Overview,
    FirstSteps,
    Transactions,
    Refunds,
    Accounting,
    Channels,
    Checkout,
    Webhooks,
    Alerts,
    Deliveries,
    Incidents,
    Reconciliation,
    Settings,
    Apps,
    Operators,
    DeadLetters,
    Audit,
    Account,
    Guides,
}

/// The frame of one page.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) title: String,
    pub(crate) preferences: Preferences,
    /// The path and query of this page, to return to it.
    pub(crate) here: String,
    pub(crate) section: Section,
    /// What the search field has in it.
    pub(crate) searched: String,
    pub(crate) operator: Option<(String, OperatorRole)>,
    pub(crate) csrf: String,
    pub(crate) apps: Vec<AppSummary>,
    pub(crate) app: Option<AppSummary>,
    pub(crate) mode: Mode,
    /// Whether the navigation has the first steps of the app.
    pub(crate) has_first_steps: bool,
    pub(crate) notice: Option<String>,
    /// The items that could not be read for this page. A page is rendered only after everything was read.
    pub(crate) unread: Unread,
}

/// A time zone that can be chosen.
pub(crate) struct ZoneChoice {
    pub(crate) minutes: i32,
    pub(crate) label: String,
    /// Whether the reader uses this zone.
    pub(crate) is_chosen: bool,
}

impl Frame {
    pub(crate) fn language(&self) -> Language {
        self.preferences.language
    }

    /// The link to what the guides say about this.
    pub(crate) fn guide(&self, topic: Topic) -> Link {
        topic.link(self.language())
    }

    pub(crate) fn zone(&self) -> Zone {
        self.preferences.zone
    }

    pub(crate) fn zone_label(&self) -> String {
        self.zone().label(self.language())
    }

    /// The zones to choose from.
    pub(crate) fn zones(&self) -> Vec<ZoneChoice> {
        let mut zones = ZONES.to_vec();
        zones.sort_by_key(|zone| zone.minutes);
        let choice = |zone: Zone| ZoneChoice {
            minutes: zone.minutes,
            label: format!("{} {}", zone.offset(), self.zone_name(zone)),
            is_chosen: zone.minutes == self.zone().minutes,
        };
        zones.into_iter().map(choice).collect()
    }

    fn zone_name(&self, zone: Zone) -> &'static str {
        match self.language() {
            Language::Zh => zone.zh,
            Language::En => zone.en,
        }
    }

    pub(crate) fn style(&self) -> &'static str {
        assets::path_of(Asset::Style)
    }

    pub(crate) fn script(&self) -> &'static str {
        assets::path_of(Asset::Script)
    }

    pub(crate) fn export_script(&self) -> &'static str {
        assets::path_of(Asset::ExportScript)
    }

    pub(crate) fn icon(&self) -> &'static str {
        assets::path_of(Asset::Icon)
    }

    pub(crate) fn is(&self, section: Section) -> bool {
        self.section == section
    }

    /// Whether the reader has this role. This only decides what is shown; `perform` decides what is allowed.
    fn may(&self, role: OperatorRole) -> bool {
        self.operator.as_ref().is_some_and(|(_, own)| *own >= role)
    }

    pub(crate) fn may_operate(&self) -> bool {
        self.may(OperatorRole::Operator)
    }

    pub(crate) fn may_own(&self) -> bool {
        self.may(OperatorRole::Owner)
    }

    pub(crate) fn is_live(&self) -> bool {
        self.mode == Mode::Live
    }

    /// The address of a page of the app.
    pub(crate) fn at(&self, page: &str) -> String {
        let app = self.app.as_ref().map_or("", |app| app.id.as_str());
        format!("/console/apps/{app}{page}")
    }

    pub(crate) fn app_name(&self) -> &str {
        self.app.as_ref().map_or("", |app| app.name.as_str())
    }

    pub(crate) fn role_name(&self, t: &'static Texts) -> &'static str {
        self.operator.as_ref().map_or("", |(_, role)| t.name_of(*role))
    }

    pub(crate) fn operator_name(&self) -> &str {
        self.operator.as_ref().map_or("", |(name, _)| name.as_str())
    }

    pub(crate) fn moment(&self, at: domain::Timestamp) -> String {
        format::moment(at, self.zone())
    }

    /// A text with another text inserted.
    pub(crate) fn fill_text(&self, text: &str, part: &str) -> String {
        texts::fill(text, &[part])
    }

    /// A text with a number inserted.
    pub(crate) fn fill(&self, text: &str, number: &usize) -> String {
        texts::fill(text, &[&number.to_string()])
    }

    /// A text with two numbers inserted.
    pub(crate) fn fill_two(&self, text: &str, first: &usize, second: &usize) -> String {
        texts::fill(text, &[&first.to_string(), &second.to_string()])
    }

    /// A warning about items that could not be read; `None` if all were read. It names some items; the log has all.
    pub(crate) fn missing(&self, t: &'static Texts) -> Option<String> {
        const NAMED: usize = 3;
        let items = self.unread.items();
        let named: Vec<_> = items.iter().take(NAMED).map(|one| format!("{} ({})", one.item, one.attribute)).collect();
        let more = if items.len() > NAMED { " …" } else { "" };
        let said = || texts::fill(t.unreadable, &[&items.len().to_string(), &format!("{}{more}", named.join("; "))]);
        (!items.is_empty()).then(said)
    }

    /// When an app was made.
    pub(crate) fn made(&self, app: &AppSummary) -> String {
        self.moment(app.created_at)
    }

    /// The address that changes a preference and returns to this page.
    pub(crate) fn prefer(&self, name: &str, value: &str) -> String {
        format!("/console/preferences?{}", super::query(&[(name, value), ("back", &self.here)]))
    }

    /// The address that puts the first steps of the app away, or brings them back, and leads to the overview.
    pub(crate) fn first_steps(&self, state: &str) -> String {
        let app = self.app.as_ref().map_or("", |app| app.id.as_str());
        let back = self.at("/overview");
        format!("/console/preferences?{}", super::query(&[("first-steps", state), ("app", app), ("back", &back)]))
    }

    /// This page in the other mode.
    pub(crate) fn in_mode(&self, mode: &str) -> String {
        self.prefer("mode", mode)
    }
}
