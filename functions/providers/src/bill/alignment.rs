//! Finds which cell of a line belongs to which column, if a merchant's text contains the separator and there are more cells than
//! columns.
//!
//! Alipay and WeChat Pay do not quote texts. So a goods name with two commas becomes three cells. Only some columns hold such
//! texts; each other column holds one cell of a known kind (a time, an amount, a code). Of all ways to assign the cells to the
//! columns, those count that fit these kinds best. A cell is known if all of them agree on it, wherever the commas are.

use domain::TransactionId;

/// What the cells of a column look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text, which may contain the separator: the column may have several cells. Unknown columns are of this kind.
    Text,
    /// Any text in one cell.
    Word,
    /// Printable ASCII without blanks, or nothing.
    Code,
    /// Like `Code`, and usually an order of our form. Only lines with such an order are aligned.
    Order,
    /// An amount or a rate.
    Amount,
    /// Date and time.
    Time,
}

impl Kind {
    /// The kind of a column by its name in the heading.
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "商户订单号" => Self::Order,
            "支付宝交易号"
            | "退款批次号/请求号"
            | "门店编号"
            | "终端号"
            | "微信订单号"
            | "微信退款单号"
            | "商户退款单号"
            | "公众账号ID"
            | "商户号"
            | "特约商户号"
            | "子商户号"
            | "用户标识"
            | "交易类型"
            | "交易状态"
            | "付款银行"
            | "货币种类"
            | "退款类型"
            | "退款状态" => Self::Code,
            "业务类型" | "对方账户" => Self::Word,
            "费率" => Self::Amount,
            name if name.ends_with("时间") => Self::Time,
            name if name.ends_with("(元)") || name.ends_with("金额") || name.ends_with("手续费") => Self::Amount,
            _ => Self::Text,
        }
    }

    /// How badly a cell fits; `None` if it cannot fit. A missing amount or time is very unlikely.
    fn misfit(self, cell: &str) -> Option<u32> {
        match self {
            Self::Text | Self::Word => Some(0),
            Self::Code => cell.bytes().all(|byte| byte.is_ascii_graphic()).then_some(0),
            Self::Order if TransactionId::parse(cell).is_ok() => Some(0),
            Self::Order => Self::Code.misfit(cell).map(|_| 1),
            Self::Amount | Self::Time if cell.is_empty() => Some(1),
            Self::Amount => {
                let digits = cell.strip_prefix('-').unwrap_or(cell);
                let digits = digits.strip_suffix('%').unwrap_or(digits);
                let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
                let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                (is_number(whole) && is_number(part)).then_some(0)
            }
            Self::Time => {
                let is_of_time = |byte: u8| byte.is_ascii_digit() || b"-/: ".contains(&byte);
                let has_date = cell.bytes().filter(u8::is_ascii_digit).count() >= 8;
                (has_date && cell.bytes().all(is_of_time)).then_some(0)
            }
        }
    }
}

/// More separators than the texts of one line ever contain.
const CELLS_MORE_MAX: usize = 512;

/// The cells of one line, assigned to its columns.
#[derive(Debug)]
pub(crate) struct Alignment<'a> {
    cells: Vec<&'a str>,
    columns: usize,
    /// For each column and cell: whether one of the best ways puts the cell under the column. Empty if there are as many cells as
    /// columns.
    may_be_under: Vec<bool>,
}

impl<'a> Alignment<'a> {
    /// `None` if there are fewer cells than columns, far too many, or no way to assign them.
    pub(crate) fn find(kinds: &[Kind], cells: Vec<&'a str>) -> Option<Self> {
        let columns = kinds.len();
        let more = cells.len().checked_sub(columns)?;
        if more == 0 {
            return Some(Self { cells, columns, may_be_under: Vec::new() });
        }
        if more > CELLS_MORE_MAX {
            return None;
        }
        let mut costs = Vec::with_capacity(columns * cells.len());
        kinds.iter().for_each(|kind| costs.extend(cells.iter().map(|cell| kind.misfit(cell))));
        let turned = |n: usize| n.checked_sub(1);
        let from_left = ways(kinds.iter().copied(), &costs, cells.len());
        let backwards: Vec<Option<u32>> = costs.iter().rev().copied().collect();
        let mut from_right = ways(kinds.iter().rev().copied(), &backwards, cells.len());
        from_right.reverse();
        let best = turned(from_left.len()).and_then(|last| from_left.get(last).copied().flatten())?;
        let is_best = |((left, right), own): ((&Option<u32>, &Option<u32>), &Option<u32>)| match (left, right, own) {
            (Some(left), Some(right), Some(own)) => left + right == best + own,
            _ => false,
        };
        let may_be_under = from_left.iter().zip(&from_right).zip(&costs).map(is_best).collect();
        Some(Self { cells, columns, may_be_under })
    }

    /// The cell of a column, if it has exactly one; `None` if the best ways disagree about it.
    pub(crate) fn cell(&self, column: usize) -> Option<&'a str> {
        if self.may_be_under.is_empty() {
            return self.cells.get(column).copied();
        }
        debug_assert!(column < self.columns, "a column of the heading");
        let row = self.may_be_under.chunks(self.cells.len()).nth(column)?;
        let mut candidates = self.cells.iter().zip(row).filter(|(_, may_be)| **may_be).map(|(cell, _)| *cell);
        let first = candidates.next()?;
        candidates.all(|other| other == first).then_some(first)
    }
}

/// For each column and cell: the least misfit of all cells up to this one, if this is the last cell so far and is under this
/// column.
fn ways(kinds: impl Iterator<Item = Kind>, costs: &[Option<u32>], cells: usize) -> Vec<Option<u32>> {
    let mut found: Vec<Option<u32>> = Vec::with_capacity(costs.len());
    for (column, (kind, costs)) in kinds.zip(costs.chunks(cells)).enumerate() {
        for (cell, cost) in costs.iter().enumerate() {
            let at = |column: usize, cell: usize| found.get(column * cells + cell).copied().flatten();
            let beside = cell.checked_sub(1);
            let is_first = (column, cell) == (0, 0);
            let from_column_before = column.checked_sub(1).zip(beside).and_then(|(column, cell)| at(column, cell));
            let from_same = beside.filter(|_| kind == Kind::Text).and_then(|cell| at(column, cell));
            let before = match (is_first, from_column_before, from_same) {
                (true, ..) => Some(0),
                (_, Some(one), Some(other)) => Some(one.min(other)),
                (_, one, other) => one.or(other),
            };
            found.push(before.zip(*cost).map(|(before, cost)| before + cost));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known value of each column, if the line can be aligned.
    type Known = Option<Vec<Option<String>>>;

    fn cells(kinds: &[Kind], line: &str) -> Known {
        let found = Alignment::find(kinds, line.split(',').collect())?;
        Some((0..kinds.len()).map(|column| found.cell(column).map(str::to_owned)).collect())
    }

    #[test]
    #[rustfmt::skip]
    fn a_cell_is_known_if_every_way_agrees() {
        use Kind::{Amount, Code, Text, Time};
        let known = |texts: &[&str]| Some(texts.iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>());
        let cases: &[(&[Kind], &str, Known)] = &[
            (&[Code, Text, Amount, Text],       "a,tea,1.00,x",              known(&["a", "tea", "1.00", "x"])),
            (&[Code, Amount],                   "a",                         None),
            (&[Code, Amount],                   "a,x",                       known(&["a", "x"])),
            (&[Code, Amount],                   "a,1,2",                     None),
            // Two cells belong to the text: only the others are known.
            (&[Code, Text, Amount],             "a,tea,milk,1.00",           Some(vec![Some("a".into()), None, Some("1.00".into())])),
            // It is unclear which of the two amounts is the fee.
            (&[Text, Amount, Text],             "a,1.00,2.00,b",             Some(vec![None, None, None])),
            (&[Text, Amount, Text],             "a,1.00,1.00,b",             Some(vec![None, Some("1.00".into()), None])),
            // A present amount fits better than a missing one.
            (&[Text, Amount, Text],             "a,1.00,,b",                 Some(vec![Some("a".into()), Some("1.00".into()), None])),
            (&[Text, Time, Amount],             "a,b,2026-11-28 10:00:00,1", Some(vec![None, Some("2026-11-28 10:00:00".into()), Some("1".into())])),
        ];
        for (kinds, line, expect) in cases {
            assert_eq!(cells(kinds, line), *expect, "{line}");
        }
    }
}
