//! The overview's figures by channel and by reason: what share of the payments a channel has, how many of its charges were paid, and where
//! those stand that were not. Each is a table whose rows have a bar.

use std::borrow::Cow;

use domain::{Channel, Closing, DaySums, Family, Status, Sum};

use super::{
    chart, comparison, money,
    proportions::{self, WHOLE, in_percent, rate},
    texts::Texts,
};

/// A table of figures.
pub(crate) struct Figures {
    pub(crate) heads: Vec<&'static str>,
    pub(crate) rows: Vec<Row>,
    /// The row of all together, if the table has one.
    pub(crate) total: Option<Row>,
}

impl Figures {
    /// The head of a row's cell; the first cell is at place 1.
    pub(crate) fn head(&self, place: &usize) -> &'static str {
        self.heads.get(*place).copied().unwrap_or_default()
    }
}

/// A row: its name, a bar below it, and a cell for each head behind the first.
pub(crate) struct Row {
    pub(crate) name: Cow<'static, str>,
    /// Small, below the name.
    pub(crate) below: Option<&'static str>,
    /// The style sheet colours the row by it: the name of a provider.
    pub(crate) class: &'static str,
    /// Whether it is a part of the row above.
    pub(crate) is_part: bool,
    /// How long its bar is; `None` for a row without one.
    pub(crate) bar: Option<String>,
    pub(crate) cells: Vec<String>,
}

impl Row {
    /// A row with a name only.
    pub(crate) fn of(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), below: None, class: "", is_part: false, bar: None, cells: Vec::new() }
    }
}

/// A part of the bar that shows all providers side by side.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) class: &'static str,
    pub(crate) x: String,
    pub(crate) width: String,
    pub(crate) percent: String,
}

/// The providers' shares of what was paid, and those of their channels.
pub(crate) struct Shares {
    pub(crate) parts: Vec<Part>,
    pub(crate) figures: Figures,
}

/// The shares of the amounts. Those of the providers add up to 100%, and those of a provider's channels to its own.
pub(crate) fn shares(t: &'static Texts, total: &DaySums) -> Shares {
    let families = Family::ALL.map(|family| total.paid(|channel| channel.family() == family));
    let family_shares = proportions::shares(&families.map(|sum| sum.amount), WHOLE);
    let heads = vec![t.channel, t.paid_amount, t.share, t.paid_count];
    let row = |name: &'static str, class, is_part, sum: Sum, share| {
        let cells = vec![money::in_all(sum), share_text(sum, share), money::count(sum.count)];
        Row { class, is_part, bar: Some(bar(share, WHOLE)), cells, ..Row::of(name) }
    };
    let (mut parts, mut rows) = (Vec::new(), Vec::new());
    let places = proportions::beginnings(&family_shares).into_iter().zip(family_shares);
    for ((family, sum), (x, share)) in Family::ALL.into_iter().zip(families).zip(places) {
        let (name, class) = (t.name_of(family), family.name());
        if share > 0 {
            parts.push(Part { name, class, x: bar(x, WHOLE), width: bar(share, WHOLE), percent: in_percent(share) });
        }
        rows.push(row(name, class, false, sum, share));
        let channels: Vec<Channel> = channels_of(total, family);
        let sums: Vec<Sum> = channels.iter().map(|one| total.paid(|channel| channel == *one)).collect();
        let own = proportions::shares(&sums.iter().map(|sum| sum.amount).collect::<Vec<_>>(), share);
        let own = channels.into_iter().zip(sums).zip(own);
        rows.extend(own.map(|((channel, sum), share)| row(t.name_of(channel), class, true, sum, share)));
    }
    let all = total.paid(|_| true);
    let cells = vec![money::in_all(all), share_text(all, WHOLE), money::count(all.count)];
    let total = Row { cells, ..Row::of(t.total) };
    Shares { parts, figures: Figures { rows, total: Some(total), heads } }
}

/// How many of the charges were paid, by provider and channel, and by how much the rate differs from that of the period before.
pub(crate) fn success(t: &'static Texts, total: &DaySums, before: Option<&DaySums>) -> Figures {
    let mut heads = vec![t.channel, t.success_rate, t.paid_of_charged];
    heads.extend(before.map(|_| t.against_before));
    let row = |name: &'static str, class, is_part, wanted: &dyn Fn(Channel) -> bool| {
        let count = |sums: &DaySums| (sums.paid(wanted).count, sums.charged(wanted).count);
        let (paid, charged) = count(total);
        let now = rate(paid, charged);
        let mut cells = vec![now.map_or_else(|| "–".to_owned(), in_percent)];
        cells.push(format!("{} / {}", money::count(paid), money::count(charged)));
        cells.extend(before.map(|before| {
            let (paid, charged) = count(before);
            let difference = now.zip(rate(paid, charged)).map(|(now, before)| proportions::points(now, before));
            difference.map_or_else(|| "–".to_owned(), comparison::in_points)
        }));
        Row { class, is_part, bar: Some(bar(now.unwrap_or_default(), WHOLE)), cells, ..Row::of(name) }
    };
    let mut rows = Vec::new();
    for family in Family::ALL {
        let channels = channels_of(total, family);
        if channels.is_empty() {
            continue;
        }
        let class = family.name();
        rows.push(row(t.name_of(family), class, false, &|channel| channel.family() == family));
        rows.extend(channels.into_iter().map(|one| row(t.name_of(one), class, true, &|channel| channel == one)));
    }
    let all = Row { bar: None, ..row(t.total, "", false, &|_| true) };
    Figures { rows, total: Some(all), heads }
}

/// The channels of a provider that were charged on.
fn channels_of(total: &DaySums, family: Family) -> Vec<Channel> {
    family.channels().filter(|channel| total.charged(|one| one == *channel).count > 0).collect()
}

/// Where the charges stand that were not paid: open, or closed for a reason. The shares add up to 100%.
pub(crate) fn unpaid(t: &'static Texts, total: &DaySums, before: Option<&DaySums>) -> Figures {
    let mut heads = vec![t.unpaid_reason, t.count_word, t.share];
    heads.extend(before.map(|_| t.before_word));
    let (now, earlier) = (unpaid_counts(total), before.map(unpaid_counts));
    let shares = proportions::shares(&now, WHOLE);
    let names = Closing::ALL.map(|closing| t.name_of(closing));
    let names = std::iter::once(t.unpaid_open).chain(names).chain([t.unpaid_unrecorded]);
    let places = names.zip(&now).zip(shares).enumerate();
    let rows = places.filter_map(|(place, ((name, count), share))| {
        let earlier = earlier.as_ref().map(|earlier| earlier.get(place).copied().unwrap_or_default());
        if *count == 0 && earlier.unwrap_or_default() == 0 {
            return None;
        }
        let mut cells = vec![money::count(*count), in_percent(share)];
        cells.extend(earlier.map(money::count));
        let bar = Some(bar(share, WHOLE));
        Some(Row { bar, cells, ..Row::of(name) })
    });
    let rows: Vec<Row> = rows.collect();
    let all = proportions::in_all(&now);
    let mut cells = vec![money::count(all), if all > 0 { in_percent(WHOLE) } else { "–".to_owned() }];
    cells.extend(earlier.map(|earlier| money::count(proportions::in_all(&earlier))));
    let total = Row { cells, ..Row::of(t.total) };
    Figures { rows, total: Some(total), heads }
}

/// How many are open, how many were closed for each reason, and for how many the reason is not recorded.
fn unpaid_counts(sums: &DaySums) -> Vec<i64> {
    let mut counts = vec![sums.in_status(Status::Created).count];
    counts.extend(Closing::ALL.map(|closing| sums.closed_for(closing)));
    counts.push(sums.closed_unrecorded());
    counts
}

/// A share of nothing is a dash.
fn share_text(sum: Sum, share: i64) -> String {
    if sum.amount == 0 && share == WHOLE { "–".to_owned() } else { in_percent(share) }
}

/// How long a bar is.
pub(crate) fn bar(share: i64, whole: i64) -> String {
    chart::at(usize::try_from(share).unwrap_or_default(), usize::try_from(whole).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use domain::ClosingEntry;

    use super::{
        super::{preferences::Language, texts},
        *,
    };

    fn sums() -> DaySums {
        let mut sums = DaySums::default();
        let sum = |count, amount| Sum { count, amount, refunded: 0 };
        sums.add(Channel::AliWeb, Status::Success, sum(1, 100));
        sums.add(Channel::AliApp, Status::Success, sum(1, 100));
        sums.add(Channel::WxApp, Status::Success, sum(1, 100));
        sums.add(Channel::WxApp, Status::Created, sum(2, 900));
        sums.add(Channel::WxNative, Status::Closed, sum(4, 900));
        sums.add_closing(ClosingEntry { channel: Channel::WxNative, closing: Closing::Expired, count: 3 });
        sums
    }

    fn read(figures: &Figures) -> Vec<(&str, Vec<&str>)> {
        let row = |row| {
            let Row { name, cells, .. }: &Row = row;
            (name.as_ref(), cells.iter().map(String::as_str).collect())
        };
        figures.rows.iter().chain(&figures.total).map(row).collect()
    }

    #[test]
    fn shares_of_channels_add_up_to_those_of_their_provider() {
        let shares = shares(texts::of(Language::En), &sums());
        let found: Vec<_> = read(&shares.figures).into_iter().map(|(name, cells)| (name, cells[1])).collect();
        let expect = [
            ("Alipay", "66.7%"),
            ("Alipay in apps", "33.4%"),
            ("Alipay web page", "33.3%"),
            ("WeChat Pay", "33.3%"),
            ("WeChat in apps", "33.3%"),
            ("WeChat QR code", "0.0%"),
            ("UnionPay", "0.0%"),
            ("Total", "100.0%"),
        ];
        assert_eq!(found, expect);
        let parts: Vec<_> = shares.parts.iter().map(|part| (part.x.as_str(), part.width.as_str())).collect();
        assert_eq!(parts, [("0.000%", "66.700%"), ("66.700%", "33.300%")]);
        assert_eq!(read(&super::shares(texts::of(Language::En), &DaySums::default()).figures)[3].1[1], "–");
    }

    #[test]
    fn each_channel_has_the_rate_of_what_was_paid_of_its_charges() {
        let mut before = DaySums::default();
        before.add(Channel::AliWeb, Status::Success, Sum { count: 1, amount: 5, refunded: 0 });
        before.add(Channel::AliWeb, Status::Closed, Sum { count: 1, amount: 5, refunded: 0 });
        let found = success(texts::of(Language::En), &sums(), Some(&before));
        let expect = [
            ("Alipay", vec!["100.0%", "2 / 2", "+50.0"]),
            ("Alipay in apps", vec!["100.0%", "1 / 1", "–"]),
            ("Alipay web page", vec!["100.0%", "1 / 1", "+50.0"]),
            ("WeChat Pay", vec!["14.2%", "1 / 7", "–"]),
            ("WeChat in apps", vec!["33.3%", "1 / 3", "–"]),
            ("WeChat QR code", vec!["0.0%", "0 / 4", "–"]),
            ("Total", vec!["33.3%", "3 / 9", "−16.7"]),
        ];
        assert_eq!(read(&found), expect);
    }

    #[test]
    fn what_is_not_paid_is_open_or_closed_for_a_reason() {
        let found = unpaid(texts::of(Language::En), &sums(), None);
        let expect = [
            ("Still open when it was summed", vec!["2", "33.3%"]),
            ("Its time was over", vec!["3", "50.0%"]),
            ("Reason not recorded", vec!["1", "16.7%"]),
            ("Total", vec!["6", "100.0%"]),
        ];
        assert_eq!(read(&found), expect);
        let nothing = unpaid(texts::of(Language::En), &DaySums::default(), Some(&sums()));
        assert_eq!(read(&nothing)[0], ("Still open when it was summed", vec!["0", "0.0%", "2"]));
        assert_eq!(read(&nothing).last(), Some(&("Total", vec!["0", "–", "6"])));
    }
}
