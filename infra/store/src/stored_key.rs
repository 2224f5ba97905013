//! A key that can be rotated, in its sealed form: the present key, and the old key with its end.

use domain::{RotatingKey, Secret, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct StoredKey {
    pub(crate) current: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<(String, i64)>,
}

impl From<&RotatingKey> for StoredKey {
    fn from(key: &RotatingKey) -> Self {
        let previous = key.previous.as_ref().map(|(key, until)| (key.expose().clone(), until.ms()));
        Self { current: key.current.expose().clone(), previous }
    }
}

impl StoredKey {
    pub(crate) fn read(self) -> Option<RotatingKey> {
        let previous = match self.previous {
            Some((key, until)) => Some((Secret::new(key), Timestamp::from_ms(until).ok()?)),
            None => None,
        };
        Some(RotatingKey { current: Secret::new(self.current), previous })
    }
}
