//! The axis of amounts of a chart: few round steps, labelled in yuan as people say them.

use domain::grouped;

use super::preferences::Language;

/// More lines than these disturb more than they help.
const STEPS_MAX: i128 = 4;

/// An axis from zero. Amounts are in fen; the top may be above the largest amount, so that its step is round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    step: i128,
    steps: i128,
}

impl Axis {
    /// The axis with the smallest step of 1, 2 or 5 and zeros that reaches `highest` in a few steps. Without amounts it ends at one yuan.
    pub(crate) fn reaching(highest: i64) -> Self {
        let highest = i128::from(highest);
        if highest <= 0 {
            return Self { step: 100, steps: 1 };
        }
        let powers = std::iter::successors(Some(1_i128), |power| Some(power * 10));
        let mut steps = powers.flat_map(|power| [power, power * 2, power * 5]);
        // The steps grow without end, so one of them is large enough.
        let step = steps.find(|step| step * STEPS_MAX >= highest).unwrap_or(highest);
        Self { step, steps: (highest + step - 1) / step }
    }

    /// Its lines, from zero to the top.
    pub(crate) fn lines(self) -> impl Iterator<Item = i128> {
        (0..=self.steps).map(move |line| line * self.step)
    }

    /// How high an amount stands in a drawing of this height.
    pub(crate) fn height(self, amount: i128, drawing: usize) -> usize {
        let drawing = i128::try_from(drawing).unwrap_or_default();
        usize::try_from(drawing * amount.max(0) / (self.step * self.steps)).unwrap_or_default()
    }

    /// The label of a line. All lines of an axis have one unit.
    pub(crate) fn label(self, line: i128, language: Language) -> String {
        const YUAN: i128 = 100;
        #[rustfmt::skip]
        let units: &[(i128, &str)] = match language {
            Language::Zh => &[(100_000_000 * YUAN, "亿"), (10_000 * YUAN, "万")],
            Language::En => &[(1_000_000_000 * YUAN, "B"), (1_000_000 * YUAN, "M"), (10_000 * YUAN, "k")],
        };
        if line == 0 {
            return "0".to_owned();
        }
        let top = self.step * self.steps;
        let (unit, name) = units.iter().find(|(unit, _)| top >= *unit).copied().unwrap_or((YUAN, ""));
        // The label of ten thousand in English is 10k.
        let unit = if name == "k" { unit / 10 } else { unit };
        let hundredths = line * 100 / unit;
        let (whole, rest) = (grouped(u64::try_from(hundredths / 100).unwrap_or(u64::MAX)), hundredths % 100);
        let digits = match (rest, name) {
            (0, _) if self.step % YUAN == 0 => String::new(),
            // Money has both decimals.
            (_, "") => format!(".{rest:02}"),
            (_, _) => format!(".{}", format!("{rest:02}").trim_end_matches('0')),
        };
        format!("¥{whole}{digits}{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn steps_are_round_and_few() {
        const CASES: &[(i64, &[&str], &[&str])] = &[
            (0,                   &["0", "¥1"],                                       &["0", "¥1"]),
            (-5,                  &["0", "¥1"],                                       &["0", "¥1"]),
            (1,                   &["0", "¥0.01"],                                    &["0", "¥0.01"]),
            (5,                   &["0", "¥0.02", "¥0.04", "¥0.06"],                  &["0", "¥0.02", "¥0.04", "¥0.06"]),
            (99,                  &["0", "¥0.50", "¥1.00"],                           &["0", "¥0.50", "¥1.00"]),
            (100,                 &["0", "¥0.50", "¥1.00"],                           &["0", "¥0.50", "¥1.00"]),
            (9_900,               &["0", "¥50", "¥100"],                              &["0", "¥50", "¥100"]),
            (123_456,             &["0", "¥500", "¥1,000", "¥1,500"],                 &["0", "¥500", "¥1,000", "¥1,500"]),
            (800_000,             &["0", "¥2,000", "¥4,000", "¥6,000", "¥8,000"],     &["0", "¥2,000", "¥4,000", "¥6,000", "¥8,000"]),
            (800_001,             &["0", "¥0.5万", "¥1万"],                           &["0", "¥5k", "¥10k"]),
            (1_500_000,           &["0", "¥0.5万", "¥1万", "¥1.5万"],                 &["0", "¥5k", "¥10k", "¥15k"]),
            (120_000_000,         &["0", "¥50万", "¥100万", "¥150万"],                &["0", "¥0.5M", "¥1M", "¥1.5M"]),
            (40_000_000_000,      &["0", "¥1亿", "¥2亿", "¥3亿", "¥4亿"],             &["0", "¥100M", "¥200M", "¥300M", "¥400M"]),
            (i64::MAX,            &["0", "¥500,000,000亿", "¥1,000,000,000亿"],       &["0", "¥50,000,000B", "¥100,000,000B"]),
        ];
        for (highest, zh, en) in CASES {
            let axis = Axis::reaching(*highest);
            let labels = |language| axis.lines().map(|line| axis.label(line, language)).collect::<Vec<_>>();
            assert_eq!(labels(Language::Zh), *zh, "{highest}");
            assert_eq!(labels(Language::En), *en, "{highest}");
            assert!(axis.height(i128::from(*highest), 200) <= 200);
            assert!(*highest <= 0 || axis.height(i128::from(*highest), 200) >= 100, "{highest} fills half of it at least");
        }
    }

    #[test]
    fn heights_are_whole_numbers() {
        let axis = Axis::reaching(400);
        let heights = [0, 100, 399, 400].map(|amount| axis.height(amount, 180));
        assert_eq!(heights, [0, 45, 179, 180]);
        assert_eq!(axis.height(-1, 180), 0);
    }
}
