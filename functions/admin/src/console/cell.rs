//! Cells of a CSV file that a spreadsheet neither computes nor reads as another value.
//!
//! Merchants' customers choose some of these texts. A spreadsheet splits a file by the separator of its user's country, which may differ
//! from the separator of the file. So a formula may begin after any separator.

use std::borrow::Cow;

/// The signs that begin a formula in some spreadsheet. The wide signs do so in spreadsheets of East Asia.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// The signs that may separate cells or rows.
const SEPARATORS: [char; 8] = [',', ';', '|', '\t', '\r', '\n', '，', '；'];

/// A spreadsheet rounds numbers with more digits than this.
const DIGITS_MAX: usize = 15;

/// Signs of numbers, dates, times and amounts.
const SIGNS: &str = " .,:/-+%()'¥$€£年月日时分秒";

/// The words in numbers, dates and times: exponents, months, halves of a day.
const WORDS: [&str; 18] = [
    "", "e", "d", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "am", "pm",
    "sept",
];

/// Puts an apostrophe before a text that could be read as a formula.
pub(super) fn guarded(cell: &str) -> Cow<'_, str> {
    let mut guarded = String::with_capacity(cell.len());
    let mut begins = true;
    for sign in cell.chars() {
        // A second line end after a line end begins no formula.
        if begins && FORMULA.contains(&sign) && (guarded.is_empty() || !sign.is_control()) {
            guarded.push('\'');
        }
        guarded.push(sign);
        // Spreadsheets drop quotes and blanks at the beginning of a cell.
        begins = SEPARATORS.contains(&sign) || begins && (sign == '"' || sign == ' ');
    }
    if guarded.len() == cell.len() { Cow::Borrowed(cell) } else { Cow::Owned(guarded) }
}

/// A number (ours or the merchant's) as a text. A spreadsheet may round it, drop its zeros or read it as a date. Such a text gets a tab at
/// its end, as in the bills of Alipay. The tab is invisible, and programs that read the file trim it.
pub(super) fn text_cell(text: &str) -> String {
    if is_read_otherwise(text) { format!("{text}\t") } else { text.to_owned() }
}

fn is_read_otherwise(text: &str) -> bool {
    let is_plain = text.len() <= DIGITS_MAX
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    if is_plain {
        return false;
    }
    // Spreadsheets of East Asia read wide digits and signs like the narrow ones.
    let narrow: String = text.chars().map(narrow).collect();
    let word: String = narrow.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase();
    narrow.chars().any(|sign| sign.is_ascii_digit())
        && narrow.chars().all(|sign| sign.is_ascii_alphanumeric() || SIGNS.contains(sign))
        && WORDS.contains(&word.as_str())
}

/// Makes a wide sign narrow: U+FF01 to U+FF5E are the wide forms of the printable ASCII signs.
fn narrow(sign: char) -> char {
    match u32::from(sign) {
        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0).unwrap_or(sign),
        _ if sign == '￥' => '¥',
        _ => sign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn no_cell_is_a_formula_whatever_the_separator() {
        let cases = [
            ("1",             "1"),
            ("=1+1",          "'=1+1"),
            ("+1",            "'+1"),
            ("-1",            "'-1"),
            ("@a",            "'@a"),
            ("\t=1",          "'\t'=1"),
            ("＝1",           "'＝1"),
            ("a;=1+1",        "a;'=1+1"),
            ("a,b,-1",        "a,b,'-1"),
            ("a\t@x",         "a\t'@x"),
            ("a|\"=1",        "a|\"'=1"),
            ("a; +1",         "a; '+1"),
            ("\"=1",          "\"'=1"),
            ("茶叶, 二两",    "茶叶, 二两"),
            ("order-1 a=b",   "order-1 a=b"),
        ];
        for (cell, expect) in cases {
            assert_eq!(guarded(cell), expect, "{cell:?}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn what_would_be_another_value_ends_as_a_text() {
        let texts = [
            "20261128220014990001", "1234567890123456", "000123456789", "00", "12E5", "12e5", "1.50", "1-2", "3/4", "10:30", "5%",
            "Mar-1", "MAR1", "1,234", "(5)", "¥5", "２０２６", "3月4日", "0195e10123456789", "1.5 E3",
        ];
        for text in texts {
            assert_eq!(text_cell(text), format!("{text}\t"));
        }
        let plain = ["0", "1", "1453966991188", "123456789012345", "order-1", "A001", "茶叶, 二两", "0195f1ab23456789abcdef01", "e", ""];
        for text in plain {
            assert_eq!(text_cell(text), text);
        }
    }
}
