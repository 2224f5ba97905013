//! The openids of the simulated payers. As at WeChat, a payer has another openid in each application.
//!
//! An openid that was given out here names its application, so that it is refused for another one. Any other text is taken as it is:
//! nobody here knows whose it is.

/// The payer of a browser that names none.
pub(super) const USUAL: &str = "Buyer";
/// WeChat's own words.
pub(super) const FOREIGN: &str = "appid和openid不匹配";
const ISSUED: &str = "oSimulated";
/// A name of a payer is part of an openid of at most 128 characters.
const NAME_CHARS_MAX: usize = 32;

/// The payer's openid in an application.
pub(super) fn openid(payer: &str, app_id: &str) -> String {
    format!("{ISSUED}{payer}_{app_id}")
}

/// Whether it was given out here for another application.
pub(super) fn is_foreign(openid: &str, app_id: &str) -> bool {
    let issued = openid.strip_prefix(ISSUED).and_then(|rest| rest.rsplit_once('_'));
    issued.is_some_and(|(_, own)| own != app_id)
}

/// A payer's name, or that of the usual payer.
pub(super) fn named(name: Option<&str>) -> &str {
    let fits = |name: &&str| {
        (1..=NAME_CHARS_MAX).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    name.filter(fits).unwrap_or(USUAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_openid_belongs_to_its_application() {
        let own = openid("Li", "wx000000000000a102");
        assert!(!is_foreign(&own, "wx000000000000a102"));
        assert!(is_foreign(&own, "wx000000000000a103"));
        assert!(!is_foreign("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "wx000000000000a103"));
        assert_eq!((named(Some("Li")), named(Some("L i")), named(None)), ("Li", USUAL, USUAL));
    }
}
