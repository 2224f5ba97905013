//! The apps of an account: that of the official account or the mobile app, and the mini program of the same merchant.

use domain::Channel;

use crate::{ProviderError, SettingProblem};

/// The appids that the merchant number is used with. Each channel has one of them.
#[derive(Clone, Debug)]
pub(crate) struct WechatApps {
    own: String,
    lite: Option<String>,
}

impl WechatApps {
    pub(crate) fn new(own: String, lite: Option<String>) -> Self {
        Self { own, lite }
    }

    /// The appid that a report of this channel must name. Without a mini program it is empty, so that no report fits.
    pub(crate) fn of(&self, channel: Channel) -> &str {
        if channel == Channel::WxLite { self.lite.as_deref().unwrap_or_default() } else { &self.own }
    }

    /// The appid with which a call about an order of this channel is made.
    pub(crate) fn require(&self, channel: Channel) -> Result<&str, ProviderError> {
        if channel == Channel::WxLite && self.lite.is_none() {
            return Err(ProviderError::Key { field: "liteAppId", problem: SettingProblem::WxLiteNeedsAppId });
        }
        Ok(self.of(channel))
    }

    /// The mini program.
    pub(crate) fn lite(&self) -> Option<&str> {
        self.lite.as_deref()
    }

    /// Each appid once: a merchant without an official account may give that of the mini program for both.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        let lite = self.lite().filter(|lite| *lite != self.own);
        std::iter::once(self.own.as_str()).chain(lite)
    }
}
