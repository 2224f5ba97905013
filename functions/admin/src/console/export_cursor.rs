//! The cursor from one part of an export to the next: the times that the first part covered, and the place that is reached.
//!
//! "Yesterday" is another day after midnight, and the parts of one export must cover the same days. So the words are turned into moments
//! once, by the first part.

use domain::Timestamp;

use super::{lines::Place, transactions::Range};
use crate::api::{
    page::{parse_cursor, parse_refund_cursor, write_cursor, write_refund_cursor},
    problem::Problem,
    wrong::Wrong,
};

/// Between the times and the place. No cursor of a list has this sign.
const BETWEEN: char = '~';

/// Begins the cursor of a place among the refunds. No cursor of a list has a dot.
const REFUNDS: &str = "refunds.";

/// Where a part begins, and what it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExportCursor {
    /// `None` for the first part, and in cursors of earlier versions.
    pub(crate) times: Option<Range>,
    pub(crate) place: Place,
}

impl ExportCursor {
    /// `<start>~<end>~<place>`: milliseconds, or nothing where there is no end.
    pub(crate) fn write(&self) -> String {
        let ms = |at: Option<Timestamp>| at.map(|at| at.ms().to_string()).unwrap_or_default();
        let place = match &self.place {
            Place::Payments(from) => from.as_ref().map(write_cursor).unwrap_or_default(),
            Place::Refunds(from) => {
                format!("{REFUNDS}{}", from.as_ref().map(write_refund_cursor).unwrap_or_default())
            }
        };
        match self.times {
            Some(Range { start, end }) => format!("{}{BETWEEN}{}{BETWEEN}{place}", ms(start), ms(end)),
            None => place,
        }
    }

    /// # Errors
    /// The cursor was not written here.
    pub(crate) fn parse(cursor: &str) -> Result<Self, Problem> {
        let parts: Vec<&str> = cursor.splitn(3, BETWEEN).collect();
        match parts.as_slice() {
            [start, end, place] => {
                let (start, end) = (parse_moment(start)?, parse_moment(end)?);
                if start.zip(end).is_some_and(|(start, end)| start > end) {
                    return Err(wrong());
                }
                Ok(Self { times: Some(Range { start, end }), place: parse_place(place)? })
            }
            _ => Ok(Self { times: None, place: parse_place(cursor)? }),
        }
    }
}

fn parse_moment(text: &str) -> Result<Option<Timestamp>, Problem> {
    let read = |text: &str| text.parse().ok().and_then(|ms| Timestamp::from_ms(ms).ok());
    if text.is_empty() { Ok(None) } else { read(text).map(Some).ok_or_else(wrong) }
}

fn parse_place(cursor: &str) -> Result<Place, Problem> {
    let given = |cursor: &str| Some(cursor.to_owned()).filter(|cursor| !cursor.is_empty());
    Ok(match cursor.strip_prefix(REFUNDS) {
        Some(refund) => Place::Refunds(given(refund).as_deref().map(parse_refund_cursor).transpose()?),
        None => Place::Payments(given(cursor).as_deref().map(parse_cursor).transpose()?),
    })
}

fn wrong() -> Problem {
    Problem::field("cursor", Wrong::Cursor)
}

#[cfg(test)]
mod tests {
    use domain::{RefundNum, TransactionId};
    use store::{RecordsPosition, RefundPosition};

    use super::*;

    #[test]
    fn a_cursor_goes_round_and_those_of_before_have_no_times() {
        let at = Timestamp::from_beijing("2026-11-23 22:30:00").unwrap();
        let id = TransactionId::parse("019ab12c3d4e0123456789ab").unwrap();
        let payment = Place::Payments(Some(RecordsPosition { created_at: at, id }));
        let refund = Place::Refunds(Some(RefundPosition { at, num: RefundNum::parse("R-1").unwrap() }));
        let times = |start, end| Some(Range { start, end });
        for times in [None, times(None, None), times(Some(at), None), times(None, Some(at)), times(Some(at), Some(at))]
        {
            for place in [payment.clone(), refund.clone(), Place::Refunds(None), Place::Payments(None)] {
                let cursor = ExportCursor { times, place };
                assert_eq!(ExportCursor::parse(&cursor.write()).ok(), Some(cursor.clone()), "{cursor:?}");
            }
        }
        let first = ExportCursor { times: None, place: Place::Payments(None) };
        assert_eq!(ExportCursor::parse("").ok(), Some(first));
    }

    #[test]
    fn nothing_else_is_a_cursor() {
        for text in ["x", "~", "1~2", "x~~", "2~1~", "-1~~", "~~x", "~~refunds.x", "1~2~3~", "9999999999999999~~"] {
            assert!(ExportCursor::parse(text).is_err(), "{text}");
        }
    }
}
