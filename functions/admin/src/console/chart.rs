//! The overview's chart. Lengths and shares are computed in whole numbers, of whatever unit.

/// The chart's own units; the page scales it.
pub(crate) const WIDTH: usize = 900;
const HEIGHT: usize = 200;
const FOOT: usize = 24;

/// With more labels than this, they would touch each other.
const LABELS_MAX: usize = 10;

/// The position of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) x: usize,
    pub(crate) y: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// The position of its label, if there is room for one.
    pub(crate) label: Option<usize>,
}

/// A bar for each value. The highest bar is as high as the chart.
pub(crate) fn bars(values: &[i64]) -> Vec<Place> {
    let highest = values.iter().copied().max().unwrap_or_default();
    let slot = WIDTH / values.len().max(1);
    let every = values.len().max(1).div_ceil(LABELS_MAX);
    let bar = |(place, value): (usize, &i64)| {
        let height = scaled(HEIGHT - FOOT - 10, *value, highest);
        let width = (slot * 7 / 10).clamp(1, 80);
        let x = place * slot + (slot - width) / 2;
        let label = (place % every == 0).then_some(x + width / 2);
        Place { x, y: HEIGHT - FOOT - height, width, height, label }
    };
    values.iter().enumerate().map(bar).collect()
}

/// A part of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) x: usize,
    pub(crate) width: usize,
}

/// The parts of one bar, side by side.
pub(crate) fn parts(values: &[i64], whole: i64) -> Vec<Part> {
    let mut x = 0;
    let mut part = |value: &i64| {
        let part = Part { x, width: scaled(WIDTH, *value, whole) };
        x += part.width;
        part
    };
    values.iter().map(&mut part).collect()
}

/// `62.5%`, in whole-number arithmetic; a dash if `whole` is zero.
pub(crate) fn percent(part: i64, whole: i64) -> String {
    let Some(thousandths) = (i128::from(part) * 1000).checked_div(i128::from(whole)) else { return "–".to_owned() };
    format!("{}.{}%", thousandths / 10, thousandths % 10)
}

/// `length` × `part` / `whole`, in whole numbers.
fn scaled(length: usize, part: i64, whole: i64) -> usize {
    let length = i64::try_from(length).unwrap_or_default();
    let scaled = i128::from(length) * i128::from(part) / i128::from(whole.max(1));
    usize::try_from(scaled).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_whole_numbers() {
        assert_eq!(
            (percent(5, 8), percent(1, 3), percent(0, 0), percent(8, 8)),
            ("62.5%".into(), "33.3%".into(), "–".into(), "100.0%".into())
        );
        assert_eq!((scaled(900, 1, 3), scaled(900, 0, 0), scaled(900, i64::MAX, i64::MAX)), (300, 0, 900));
        let part = |x, width| Part { x, width };
        assert_eq!(parts(&[1, 0, 2], 3), [part(0, 300), part(300, 0), part(300, 600)]);
    }

    #[test]
    fn bars_stay_within_the_drawing() {
        for count in [1, 7, 30, 90] {
            for bar in bars(&vec![100; count]) {
                assert!(bar.x + bar.width <= WIDTH && bar.y + bar.height <= HEIGHT && bar.height > 0);
            }
        }
    }
}
