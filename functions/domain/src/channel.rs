//! Channels, tabs and providers as tables, and the modes an app works in.

use crate::closed_list;

closed_list! {
    /// A product by which a bill is paid, as the caller names it.
    pub enum Channel: Row {
        /// Alipay inside an app.
        AliApp = "ali_app" => Row::of(Tab::Ali, &[]),
        /// Alipay on a PC's page.
        AliWeb = "ali_web" => Row::of(Tab::Ali, &[Need::ReturnUrl]),
        /// Alipay on a phone's page.
        AliWap = "ali_wap" => Row::of(Tab::Ali, &[]),
        /// Alipay by QR code.
        AliQrcode = "ali_qrcode" => Row::of(Tab::Ali, &[Need::ReturnUrl]),
        /// WeChat Pay inside an app.
        WxApp = "wx_app" => Row::of(Tab::WxApp, &[]),
        /// WeChat Pay inside an official account.
        WxJsapi = "wx_jsapi" => Row::of(Tab::WxMp, &[Need::Openid]),
        /// WeChat Pay by QR code.
        WxNative = "wx_native" => Row::of(Tab::WxMp, &[]),
        /// WeChat Pay from a phone's browser outside WeChat.
        WxH5 = "wx_h5" => Row::of(Tab::WxMp, &[Need::ClientIp]),
        /// WeChat Pay inside a mini program: as inside an official account, with the mini program's own app.
        WxLite = "wx_lite" => Row::of(Tab::WxMp, &[Need::Openid]),
        /// UnionPay's mobile control.
        UnipayApp = "unipay_app" => Row::of(Tab::UnipayApp, &[]),
        /// UnionPay's gateway page.
        UnipayWeb = "unipay_web" => Row::of(Tab::UnipayWeb, &[Need::ReturnUrlByWayOfUs]),
        /// Apple Pay by way of UnionPay: the same order as that of the mobile control.
        ApplepayUpacp = "applepay_upacp" => Row::of(Tab::UnipayApp, &[]),
    }
}

closed_list! {
    /// A tab of channel settings: what one set of credentials serves.
    pub enum Tab: Family {
        /// All Alipay channels.
        Ali = "ali" => Family::Ali,
        /// WeChat Pay inside an app.
        WxApp = "wx_app" => Family::Wx,
        /// WeChat Pay of an official account and a mini program, and by QR code.
        WxMp = "wx_mp" => Family::Wx,
        /// UnionPay's mobile control.
        UnipayApp = "unipay_app" => Family::Unipay,
        /// UnionPay's gateway page.
        UnipayWeb = "unipay_web" => Family::Unipay,
    }
}

closed_list! {
    /// A family of channels: one provider. Valid in a query, not in a charge.
    pub enum Family: &'static [Habit] {
        /// Alipay.
        Ali = "ali" => &[Habit::ClosesWhatIsRefunded, Habit::CountsFromCashier],
        /// WeChat Pay.
        Wx = "wx" => &[],
        /// UnionPay.
        Unipay = "unipay" => &[Habit::TakesOrderOnce, Habit::NumbersSendings, Habit::VoidsOfTheDay, Habit::SettlesBeforeMidnight],
    }
}

/// The facts of a channel beside its name.
#[derive(Clone, Copy)]
struct Row {
    tab: Tab,
    needs: &'static [Need],
}

impl Row {
    const fn of(tab: Tab, needs: &'static [Need]) -> Self {
        Self { tab, needs }
    }
}

/// What a charge must contain on some channels only.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Where the browser goes afterwards.
    ReturnUrl,
    /// The same, but the browser first brings us a form that only we can verify. Then it is sent on there.
    ReturnUrlByWayOfUs,
    /// The payer within WeChat.
    Openid,
    /// The payer's own address: WeChat shows its page only to this address.
    ClientIp,
}

/// Where a provider differs from the others so much that the rules of payments and refunds depend on it. Differences that concern only its
/// messages are in `providers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// It reports an order as closed after a full refund. At the other providers, closed means that the order was never paid.
    ClosesWhatIsRefunded,
    /// It takes an order once, and only while the order's time matches the clock. It gives out what the payer needs only once.
    TakesOrderOnce,
    /// Each sending of a refund has its own number. The other providers know all sendings of a refund under one number.
    NumbersSendings,
    /// A whole payment of the current settlement day can be voided, which is quicker than a refund.
    VoidsOfTheDay,
    /// Its settlement day ends at 23:00 in Beijing. The others' ends at midnight.
    SettlesBeforeMidnight,
    /// Its older interface counts the time to pay from the moment at which the payer opens the cashier. So an order may be open twice as
    /// long as its charge says.
    CountsFromCashier,
}

impl Channel {
    /// The provider's family.
    pub fn family(self) -> Family {
        self.tab().family()
    }

    /// Where its credentials are configured.
    pub fn tab(self) -> Tab {
        self.row().tab
    }

    /// Whether nobody can pay an order without the token that the provider gives out for it once.
    pub fn is_paid_by_token(self) -> bool {
        self.tab() == Tab::UnipayApp
    }

    /// Whether a charge must say where the browser goes after the payment.
    pub fn needs_return_url(self) -> bool {
        self.needs(Need::ReturnUrl) || self.returns_by_way_of_us()
    }

    /// Whether the browser first returns to us with a form that only we can verify, and is then sent on to the merchant.
    pub fn returns_by_way_of_us(self) -> bool {
        self.needs(Need::ReturnUrlByWayOfUs)
    }

    /// Whether a charge must contain the payer's own address.
    pub fn needs_client_ip(self) -> bool {
        self.needs(Need::ClientIp)
    }

    /// Whether a charge must name the payer.
    pub fn needs_openid(self) -> bool {
        self.needs(Need::Openid)
    }

    /// Every name, for people: `ali_app, ali_web, ...`.
    pub(crate) fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    fn needs(self, need: Need) -> bool {
        self.row().needs.contains(&need)
    }
}

impl Tab {
    /// The provider whose credentials they are.
    pub fn family(self) -> Family {
        self.row()
    }

    /// The channels that the tab serves, in the contract's order.
    pub fn channels(self) -> impl Iterator<Item = Channel> {
        Channel::ALL.into_iter().filter(move |channel| channel.tab() == self)
    }
}

impl Family {
    /// Whether this provider has the habit.
    pub fn has(self, habit: Habit) -> bool {
        self.row().contains(&habit)
    }

    /// Its channels, in the contract's order.
    pub fn channels(self) -> impl Iterator<Item = Channel> {
        Channel::ALL.into_iter().filter(move |channel| channel.family() == self)
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

    /// Every name that [`Self::find`] knows, for people.
    pub fn names() -> String {
        format!("{}, {}", Channel::names(), Family::ALL.map(Family::name).join(", "))
    }

    /// Whether `channel` is asked for.
    pub fn admits(self, channel: Channel) -> bool {
        match self {
            Self::One(one) => one == channel,
            Self::Family(family) => family == channel.family(),
        }
    }
}

closed_list! {
    /// Whether money is real. The key a caller presents chooses it.
    pub enum Mode {
        /// Real payments.
        Live = "live",
        /// The provider's sandbox, or the simulator.
        Test = "test",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tab_serves_channels_of_its_own_provider() {
        for tab in Tab::ALL {
            assert!(tab.channels().next().is_some(), "{tab}");
            assert!(tab.channels().all(|channel| channel.family() == tab.family()), "{tab}");
        }
        for family in Family::ALL {
            assert!(family.channels().next().is_some(), "{family}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn each_channel_needs_what_its_provider_asks_for() {
        // Whether a charge must name the return URL, whether the browser returns by way of us, whether the payer and the address are
        // needed.
        const NEEDS: [(Channel, Family, [bool; 4]); 12] = [
            (Channel::AliApp,        Family::Ali,    [false, false, false, false]),
            (Channel::AliWeb,        Family::Ali,    [true,  false, false, false]),
            (Channel::AliWap,        Family::Ali,    [false, false, false, false]),
            (Channel::AliQrcode,     Family::Ali,    [true,  false, false, false]),
            (Channel::WxApp,         Family::Wx,     [false, false, false, false]),
            (Channel::WxJsapi,       Family::Wx,     [false, false, true,  false]),
            (Channel::WxNative,      Family::Wx,     [false, false, false, false]),
            (Channel::WxH5,          Family::Wx,     [false, false, false, true]),
            (Channel::WxLite,        Family::Wx,     [false, false, true,  false]),
            (Channel::UnipayApp,     Family::Unipay, [false, false, false, false]),
            (Channel::UnipayWeb,     Family::Unipay, [true,  true,  false, false]),
            (Channel::ApplepayUpacp, Family::Unipay, [false, false, false, false]),
        ];
        assert_eq!(NEEDS.map(|(channel, ..)| channel), Channel::ALL);
        for (channel, family, needs) in NEEDS {
            let found = [channel.needs_return_url(), channel.returns_by_way_of_us(), channel.needs_openid(), channel.needs_client_ip()];
            assert_eq!((channel.family(), found), (family, needs), "{channel}");
        }
    }

    #[test]
    fn a_filter_admits_its_channel_or_those_of_its_family_and_no_other() {
        let of = |filter: &str| {
            let filter = ChannelFilter::find(filter).unwrap();
            Channel::ALL
                .into_iter()
                .filter(move |channel| filter.admits(*channel))
                .map(Channel::name)
                .collect::<Vec<_>>()
        };
        assert_eq!(of("wx_h5"), ["wx_h5"]);
        assert_eq!(of("ali"), ["ali_app", "ali_web", "ali_wap", "ali_qrcode"]);
        assert_eq!(of("unipay"), ["unipay_app", "unipay_web", "applepay_upacp"]);
        for family in Family::ALL {
            assert_eq!(family.channels().map(Channel::name).collect::<Vec<_>>(), of(family.name()));
        }
        let names = ChannelFilter::names();
        assert!(names.starts_with("ali_app, ali_web, ") && names.ends_with(", ali, wx, unipay"), "{names}");
    }

    #[test]
    fn a_family_is_no_channel() {
        for family in Family::ALL {
            assert_eq!(Channel::find(family.name()), None);
            assert_eq!(ChannelFilter::find(family.name()), Some(ChannelFilter::Family(family)));
        }
        assert_eq!(ChannelFilter::find("paypal"), None);
    }
}
