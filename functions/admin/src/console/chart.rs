//! A chart of amounts over time: bars, a line to compare them with, both axes, and the values of each bar at hover and at focus.
//!
//! It is drawn in percentages of its width and in pixels of its height, so that its texts are as large on a phone as anywhere. What may be
//! read needs no script; with ours, the arrow keys go from bar to bar. A table beside it has the same numbers.

use super::{axis::Axis, preferences::Language};

/// Above the drawing: two lines with the values of a bar.
const HEAD: usize = 46;
/// The drawing itself.
const DRAWING: usize = 170;
/// Below it: the labels.
const FOOT: usize = 26;

/// With more labels than this, they would touch each other.
const LABELS_MAX: usize = 12;

/// The widest bar, in thousandths of the width.
const BAR_MAX: usize = 80;

/// About how wide a sign of a label is, in pixels. A Chinese one is twice as wide.
const SIGN_WIDTH: usize = 7;

/// A chart, as the template draws it.
pub(crate) struct Chart {
    /// What it shows, for who hears it.
    pub(crate) label: String,
    pub(crate) height: usize,
    pub(crate) lines: Vec<Line>,
    /// How much room the labels of the lines need on the left.
    pub(crate) left: usize,
    pub(crate) slots: Vec<Slot>,
    /// Where the labels below stand.
    pub(crate) foot: usize,
    /// Where the drawing begins, and how high it is.
    pub(crate) top: usize,
    pub(crate) drawing: usize,
    /// What the bars are, and what the line is, if there is one.
    pub(crate) bars: String,
    pub(crate) line: Option<String>,
}

/// A line of the grid.
pub(crate) struct Line {
    pub(crate) y: usize,
    pub(crate) label: String,
}

/// The place of one value.
pub(crate) struct Slot {
    pub(crate) x: String,
    pub(crate) width: String,
    pub(crate) middle: String,
    pub(crate) bar: Bar,
    /// The line from the value before to this one.
    pub(crate) stroke: Option<Stroke>,
    pub(crate) label: Option<Label>,
    /// The values in two lines, and for who hears them.
    pub(crate) said: Said,
    /// Whether the tabulator key leads here.
    pub(crate) is_entrance: bool,
}

pub(crate) struct Bar {
    pub(crate) x: String,
    pub(crate) y: usize,
    pub(crate) width: String,
    pub(crate) height: usize,
    /// Whether the value is known in part only.
    pub(crate) is_partly: bool,
}

pub(crate) struct Stroke {
    pub(crate) from_x: String,
    pub(crate) from_y: usize,
    pub(crate) y: usize,
}

pub(crate) struct Label {
    pub(crate) text: String,
    /// Whether there is no room for it on a phone.
    pub(crate) is_spare: bool,
}

/// The values of a slot in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) now: String,
    pub(crate) before: String,
}

/// One value, and what it is compared with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Value {
    /// The label below.
    pub(crate) label: String,
    /// How high its bar is, in the unit of the axis.
    pub(crate) height: i64,
    pub(crate) is_partly: bool,
    /// The value of the line; `None` where the line ends.
    pub(crate) compared: Option<i64>,
    pub(crate) said: Said,
}

/// From where the labels are counted, if not each slot has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LabelsFrom {
    First,
    Last,
}

/// What a chart says beside its values.
pub(crate) struct Words {
    pub(crate) label: String,
    pub(crate) bars: String,
    pub(crate) line: Option<String>,
}

/// Draws values.
pub(crate) fn draw(words: Words, values: Vec<Value>, labels: LabelsFrom, language: Language) -> Chart {
    let highest = values.iter().flat_map(|value| [Some(value.height), value.compared]).flatten().max();
    let axis = Axis::reaching(highest.unwrap_or_default());
    let y = |amount: i128| HEAD + DRAWING - axis.height(amount, DRAWING);
    let lines: Vec<Line> = axis.lines().map(|line| Line { y: y(line), label: axis.label(line, language) }).collect();
    let count = values.len();
    let mut slots: Vec<Slot> = Vec::with_capacity(count);
    let mut previous: Option<(String, usize)> = None;
    for (place, value) in values.into_iter().enumerate() {
        let middle = at(2 * place + 1, 2 * count);
        let point = value.compared.map(|compared| (middle.clone(), y(compared.into())));
        let stroke = point.clone().zip(previous.take());
        let stroke = stroke.map(|((_, y), (from_x, from_y))| Stroke { from_x, from_y, y });
        previous = point;
        slots.push(Slot {
            x: at(place, count),
            width: at(1, count),
            bar: bar(place, count, y(value.height.into()), value.is_partly),
            stroke,
            label: label(place, count, labels, value.label),
            said: value.said,
            is_entrance: place + 1 == count,
            middle,
        });
    }
    Chart {
        label: words.label,
        height: HEAD + DRAWING + FOOT,
        left: lines.iter().map(|line| room(&line.label)).max().unwrap_or_default(),
        lines,
        slots,
        foot: HEAD + DRAWING + 18,
        top: HEAD,
        drawing: DRAWING,
        bars: words.bars,
        line: words.line,
    }
}

fn bar(place: usize, count: usize, y: usize, is_partly: bool) -> Bar {
    // In units of a thousandth of the width and a tenth of a slot, so that nothing is rounded: a slot has 1000 * 10.
    let width = (7 * 1000).min(BAR_MAX * 10 * count);
    let x = place * 10_000 + (10_000 - width) / 2;
    Bar { x: at(x, count * 10_000), y, width: at(width, count * 10_000), height: HEAD + DRAWING - y, is_partly }
}

fn label(place: usize, count: usize, labels: LabelsFrom, text: String) -> Option<Label> {
    let every = count.div_ceil(LABELS_MAX).max(1);
    let counted = match labels {
        LabelsFrom::First => place,
        LabelsFrom::Last => count - 1 - place,
    };
    let is_spare = count > LABELS_MAX / 2 && !counted.is_multiple_of(every * 2);
    counted.is_multiple_of(every).then_some(Label { text, is_spare })
}

/// How much room a label of the left axis needs.
fn room(label: &str) -> usize {
    let wide = label.chars().filter(|sign| !sign.is_ascii() && *sign != '¥').count();
    (label.chars().count() + wide) * SIGN_WIDTH + 8
}

/// `part` of `whole` as a percentage, for an attribute of a drawing: `12.345%`.
pub(crate) fn at(part: usize, whole: usize) -> String {
    let thousandths = (part * 100_000).checked_div(whole).unwrap_or_default();
    format!("{}.{:03}%", thousandths / 1000, thousandths % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: Vec<Value>) -> Chart {
        let words = Words { label: String::new(), bars: String::new(), line: None };
        draw(words, values, LabelsFrom::Last, Language::En)
    }

    fn value(amount: i64, compared: Option<i64>) -> Value {
        Value { height: amount, compared, label: "11-23".to_owned(), ..Value::default() }
    }

    #[test]
    fn bars_and_line_have_one_axis() {
        let chart = drawn(vec![value(100, Some(400)), value(0, Some(200)), value(300, None), value(200, Some(0))]);
        let labels: Vec<&str> = chart.lines.iter().map(|line| line.label.as_str()).collect();
        assert_eq!(labels, ["0", "¥1", "¥2", "¥3", "¥4"]);
        let bars: Vec<(usize, usize)> = chart.slots.iter().map(|slot| (slot.bar.y, slot.bar.height)).collect();
        assert_eq!(bars, [(174, 42), (216, 0), (89, 127), (131, 85)]);
        let strokes: Vec<Option<(usize, usize)>> =
            chart.slots.iter().map(|slot| slot.stroke.as_ref().map(|stroke| (stroke.from_y, stroke.y))).collect();
        assert_eq!(strokes, [None, Some((46, 131)), None, None], "a line ends where a value is not known");
        assert_eq!(chart.slots[1].middle, "37.500%");
        assert_eq!(chart.slots.iter().filter(|slot| slot.is_entrance).count(), 1);
    }

    #[test]
    fn slots_stay_within_the_drawing() {
        for count in [1, 7, 24, 30, 90] {
            let chart = drawn(vec![value(100, None); count]);
            let percent = |text: &str| text.trim_end_matches('%').replace('.', "").parse::<usize>().unwrap();
            for slot in &chart.slots {
                assert!(percent(&slot.x) + percent(&slot.width) <= 100_000);
                assert!(percent(&slot.bar.x) + percent(&slot.bar.width) <= 100_000);
                assert!(percent(&slot.bar.width) <= 8_000 && percent(&slot.bar.width) > 0);
            }
            let labels = chart.slots.iter().filter_map(|slot| slot.label.as_ref());
            let (all, on_a_phone) = (labels.clone().count(), labels.filter(|label| !label.is_spare).count());
            assert!((1..=LABELS_MAX).contains(&all) && (1..=6).contains(&on_a_phone), "{count}: {all} {on_a_phone}");
            assert!(chart.slots[count - 1].label.is_some(), "the last one has a label");
        }
        assert_eq!((at(1, 3), at(0, 0), at(2, 2)), ("33.333%".into(), "0.000%".into(), "100.000%".into()));
        assert!(room("¥1.5万") > room("¥1.5k"));
    }
}
