//! The apps whose first steps this reader has put away, or has finished. They are in a cookie of their own; none of it is secret.

use domain::AppId;
use http::HeaderMap;
use runtime::find_cookie;

use super::preferences::YEAR_SECONDS;

const COOKIE: &str = "maxpay_steps";

/// A cookie of 500 bytes. The app that was put away first is forgotten.
const APPS_MAX: usize = 20;

/// The apps, the latest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PutAway(Vec<AppId>);

impl PutAway {
    /// The apps in the cookie. What is no app's id is left out.
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let kept = find_cookie(headers, COOKIE).unwrap_or_default();
        Self(kept.split('.').take(APPS_MAX).filter_map(|id| AppId::parse(id).ok()).collect())
    }

    pub(crate) fn has(&self, app: &AppId) -> bool {
        self.0.contains(app)
    }

    /// With this app.
    pub(crate) fn with(&self, app: &AppId) -> Self {
        let others = self.0.iter().filter(|one| *one != app).cloned();
        Self(std::iter::once(app.clone()).chain(others).take(APPS_MAX).collect())
    }

    /// Without this app.
    pub(crate) fn without(&self, app: &AppId) -> Self {
        Self(self.0.iter().filter(|one| *one != app).cloned().collect())
    }

    /// The cookie that contains the apps.
    pub(crate) fn cookie(&self, secure: &str) -> String {
        let apps: Vec<&str> = self.0.iter().map(AppId::as_str).collect();
        let apps = apps.join(".");
        format!("{COOKIE}={apps}; Path=/console; Max-Age={YEAR_SECONDS}; HttpOnly; SameSite=Lax{secure}")
    }
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    fn app(number: usize) -> AppId {
        AppId::parse(&format!("{number:024x}")).unwrap()
    }

    fn read(cookie: &str) -> PutAway {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, cookie.split(';').next().unwrap().parse().unwrap());
        PutAway::read(&headers)
    }

    #[test]
    fn what_is_put_away_stays_so_until_it_is_taken_back() {
        let two = PutAway::default().with(&app(1)).with(&app(2)).with(&app(1));
        assert_eq!(two, PutAway(vec![app(1), app(2)]));
        assert_eq!(read(&two.cookie("")), two);
        assert!(two.has(&app(2)) && !two.without(&app(2)).has(&app(2)));
        assert_eq!(read(&PutAway::default().cookie("; Secure")), PutAway::default());
    }

    #[test]
    fn the_cookie_stays_small_and_nonsense_in_it_is_nothing() {
        let many = (0..50).fold(PutAway::default(), |many, number| many.with(&app(number)));
        assert!(many.cookie("").len() < 600 && many.has(&app(49)) && !many.has(&app(29)));
        assert_eq!(read("maxpay_steps=<script>..x"), PutAway::default());
        assert_eq!(PutAway::read(&HeaderMap::new()), PutAway::default());
    }
}
