//! Closed lists: sets of words that the wire, the store or a record uses. Each list is written once.

/// Declares an enum. `ALL`, `name`, `find` and `Display` come from the same rows, so no separate list can miss a member.
///
/// ```
/// domain::closed_list! {
///     /// How tea is drunk.
///     pub enum Tea {
///         /// From a cup.
///         Cup = "cup",
///         /// From a bowl.
///         Bowl = "bowl",
///     }
/// }
/// assert_eq!(Tea::ALL, [Tea::Cup, Tea::Bowl]);
/// assert_eq!((Tea::Bowl.name(), Tea::find("bowl"), Tea::find("pot")), ("bowl", Some(Tea::Bowl), None));
/// ```
///
/// If the members have more facts than a word, the list names the type of the facts, and each row gives its own: `enum Tea: Size { Cup =
/// "cup" => SMALL, }`. The list's own methods read them from `row`.
///
/// Code elsewhere that has something for each member matches without `_`, so the compiler demands an arm for a new member. In a document no
/// compiler helps: there a test goes through `ALL`.
#[macro_export]
macro_rules! closed_list {
    (
        $(#[$about:meta])*
        $vis:vis enum $name:ident {
            $($(#[$doc:meta])* $member:ident = $word:literal,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name {
            $($(#[$doc])* $member,)+
        }

        impl $name {
            /// All of them, in their order.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$member),+];

            /// Its word.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$member => $word,)+
                }
            }

            /// Finds the one with this word.
            #[allow(dead_code, reason = "a list that is used in its own crate alone may have nobody who looks it up")]
            pub fn find(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$member),)+
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
    (
        $(#[$about:meta])*
        $vis:vis enum $name:ident: $facts:ty {
            $($(#[$doc:meta])* $member:ident = $word:literal => $row:expr,)+
        }
    ) => {
        $crate::closed_list! {
            $(#[$about])*
            $vis enum $name {
                $($(#[$doc])* $member = $word,)+
            }
        }

        impl $name {
            const fn row(self) -> $facts {
                match self {
                    $(Self::$member => $row,)+
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::{
        ApiCode, Channel, DeliveryState, DifferenceKind, Event, Family, IncidentKind, KeyKind, Mode, OperatorRole,
        RefundStatus, RefundWay, Status, Tab,
    };

    macro_rules! check {
        ($($list:ident)+) => {
            $(for one in $list::ALL {
                assert_eq!(($list::find(one.name()), one.to_string()), (Some(one), one.name().to_owned()));
            }
            assert_eq!($list::find("?"), None);
            assert!($list::ALL.is_sorted_by(|one, other| one < other));)+
        };
    }

    #[test]
    fn each_word_leads_back_to_its_member() {
        check!(ApiCode Channel DeliveryState DifferenceKind Event Family IncidentKind KeyKind Mode OperatorRole);
        check!(RefundStatus RefundWay Status Tab);
    }
}
