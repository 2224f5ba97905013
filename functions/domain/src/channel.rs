//! Channels as one table, and the modes an app works in.

use std::fmt;

/// A product by which a bill is paid, as the caller names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Alipay inside an app.
    AliApp,
    /// Alipay on a PC's page.
    AliWeb,
    /// Alipay on a phone's page.
    AliWap,
    /// Alipay by QR code.
    AliQrcode,
    /// WeChat Pay inside an app.
    WxApp,
    /// WeChat Pay inside an official account.
    WxJsapi,
    /// WeChat Pay by QR code.
    WxNative,
    /// WeChat Pay from a phone's browser outside WeChat.
    WxH5,
    /// UnionPay's mobile control.
    UnipayApp,
    /// UnionPay's gateway page.
    UnipayWeb,
    /// Apple Pay by way of UnionPay: the same order as that of the mobile control.
    ApplepayUpacp,
}

/// A family of channels: one provider. Valid in a query, not in a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Alipay.
    Ali,
    /// WeChat Pay.
    Wx,
    /// UnionPay.
    Unipay,
}

/// A tab of channel settings: what one set of credentials serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tab {
    /// All Alipay channels.
    Ali,
    /// WeChat Pay inside an app.
    WxApp,
    /// WeChat Pay of an official account: JSAPI and QR code.
    WxMp,
    /// UnionPay's mobile control.
    UnipayApp,
    /// UnionPay's gateway page.
    UnipayWeb,
}

struct Row {
    channel: Channel,
    name: &'static str,
    family: Family,
    tab: Tab,
    return_url: Need,
    openid: Need,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Required,
    Optional,
}

use Need::{Optional, Required};

/// The one list: names, families, tabs and needs all derive from it.
#[rustfmt::skip]
const TABLE: [Row; 11] = [
    Row { channel: Channel::AliApp,    name: "ali_app",    family: Family::Ali,    tab: Tab::Ali,       return_url: Optional, openid: Optional },
    Row { channel: Channel::AliWeb,    name: "ali_web",    family: Family::Ali,    tab: Tab::Ali,       return_url: Required, openid: Optional },
    Row { channel: Channel::AliWap,    name: "ali_wap",    family: Family::Ali,    tab: Tab::Ali,       return_url: Optional, openid: Optional },
    Row { channel: Channel::AliQrcode, name: "ali_qrcode", family: Family::Ali,    tab: Tab::Ali,       return_url: Required, openid: Optional },
    Row { channel: Channel::WxApp,     name: "wx_app",     family: Family::Wx,     tab: Tab::WxApp,     return_url: Optional, openid: Optional },
    Row { channel: Channel::WxJsapi,   name: "wx_jsapi",   family: Family::Wx,     tab: Tab::WxMp,      return_url: Optional, openid: Required },
    Row { channel: Channel::WxNative,  name: "wx_native",  family: Family::Wx,     tab: Tab::WxMp,      return_url: Optional, openid: Optional },
    Row { channel: Channel::WxH5,      name: "wx_h5",      family: Family::Wx,     tab: Tab::WxMp,      return_url: Optional, openid: Optional },
    Row { channel: Channel::UnipayApp, name: "unipay_app", family: Family::Unipay, tab: Tab::UnipayApp, return_url: Optional, openid: Optional },
    Row { channel: Channel::UnipayWeb, name: "unipay_web", family: Family::Unipay, tab: Tab::UnipayWeb, return_url: Required, openid: Optional },
    Row { channel: Channel::ApplepayUpacp, name: "applepay_upacp", family: Family::Unipay, tab: Tab::UnipayApp, return_url: Optional, openid: Optional },
];

impl Channel {
    /// Every channel, in the contract's order.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.channel)
    }

    /// Finds the channel with this name on the wire.
    pub fn find(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.channel)
    }

    /// The name on the wire: `ali_web`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The provider's family.
    pub fn family(self) -> Family {
        self.row().family
    }

    /// Where its credentials are configured.
    pub fn tab(self) -> Tab {
        self.row().tab
    }

    /// Whether a charge must say where the browser goes afterwards.
    pub fn needs_return_url(self) -> bool {
        self.row().return_url == Required
    }

    /// Whether the browser comes back with a form that nobody but us can verify, before it is sent on to the merchant.
    pub fn returns_through_us(self) -> bool {
        self == Self::UnipayWeb
    }

    /// Whether a charge must tell the payer's own address: WeChat shows its page to no other.
    pub fn needs_client_ip(self) -> bool {
        self == Self::WxH5
    }

    /// Whether a charge must name the payer.
    pub fn needs_openid(self) -> bool {
        self.row().openid == Required
    }

    fn row(self) -> &'static Row {
        // The table is in the order of the enum, which a test holds; the search costs eleven comparisons at most.
        let [first, ..] = &TABLE;
        TABLE.iter().find(|row| row.channel == self).unwrap_or(first)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Family {
    /// Every family with its name on the wire.
    pub const ALL: [(Self, &'static str); 3] = [(Self::Ali, "ali"), (Self::Wx, "wx"), (Self::Unipay, "unipay")];

    /// Finds the family with this name on the wire.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(family, _)| *family)
    }
}

impl Tab {
    /// Every tab with its name on the wire.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Ali, "ali"),
        (Self::WxApp, "wx_app"),
        (Self::WxMp, "wx_mp"),
        (Self::UnipayApp, "unipay_app"),
        (Self::UnipayWeb, "unipay_web"),
    ];

    /// Finds the tab with this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(tab, _)| *tab)
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(tab, _)| *tab == self).map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Tab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a query may ask for: one channel, or all of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelFilter {
    /// One channel.
    One(Channel),
    /// Every channel of one provider.
    Family(Family),
}

impl ChannelFilter {
    /// Finds the filter with this name.
    pub fn find(name: &str) -> Option<Self> {
        Channel::find(name).map(Self::One).or_else(|| Family::find(name).map(Self::Family))
    }

    /// Whether `channel` is asked for.
    pub fn admits(self, channel: Channel) -> bool {
        match self {
            Self::One(one) => one == channel,
            Self::Family(family) => family == channel.family(),
        }
    }
}

/// Whether money is real. The key a caller presents chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Real payments.
    Live,
    /// The provider's sandbox, or the simulator.
    Test,
}

impl Mode {
    /// Both modes.
    pub const ALL: [Self; 2] = [Self::Live, Self::Test];

    /// Finds the mode with this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// `live` or `test`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_round() {
        for channel in Channel::all() {
            assert_eq!(Channel::find(channel.name()), Some(channel));
            assert_eq!(channel.row().channel, channel);
        }
        for (tab, name) in Tab::ALL {
            assert_eq!((Tab::find(name), tab.name()), (Some(tab), name));
        }
        for mode in Mode::ALL {
            assert_eq!(Mode::find(mode.name()), Some(mode));
        }
    }

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        assert!(Channel::all().collect::<Vec<_>>().is_sorted());
        assert_eq!(Channel::all().count(), 11);
    }

    #[test]
    fn a_family_is_no_channel() {
        for (_, name) in Family::ALL {
            assert_eq!(Channel::find(name), None);
            assert!(matches!(ChannelFilter::find(name), Some(ChannelFilter::Family(_))));
        }
        assert_eq!(ChannelFilter::find("paypal"), None);
    }
}
