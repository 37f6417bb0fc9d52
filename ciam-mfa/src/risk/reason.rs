//! Why: stable codes.

/// Something that makes a sign-in look like its owner's, or unlike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The session is bound to a key, and the key was proved.
    BoundDevice,
    /// The session is bound to a key, and the proof is missing.
    BindingMissing,
    /// The account has signed in on this device before.
    KnownDevice,
    /// It has on this device, and not from such a network.
    DeviceElsewhere,
    /// It has not been seen on this device.
    NewDevice,
    /// Nothing is known of the account yet.
    NoHistory,
    /// It has signed in from this network before.
    KnownNetwork,
    /// It has from networks of the same operator.
    KnownOperator,
    /// It has from this country, by other operators.
    NewNetwork,
    /// It has not from this country.
    NewCountry,
    /// The browser is of a kind that it has used before.
    KnownBrowser,
    /// The browser is of another kind, on a system that it has used before.
    NewBrowser,
    /// The system is another one, too.
    NewSystem,
    /// The network hides where its users are, or is of rented machines.
    AnonymousNetwork,
    /// The address is on a list of those that were abused.
    ListedAddress,
    /// Nothing is held against the network.
    CleanNetwork,
    /// Nobody travels so fast.
    ImpossibleTravel,
    /// Sign-ins to this account have been refused shortly before.
    RefusedBefore,
    /// The source tries stolen passwords on many accounts.
    CredentialStuffing,
    /// Most sign-ins of the tenant are refused at present.
    UnderAttack,
    /// The password is on a list of breached ones.
    BreachedPassword,
    /// The account does not sign in at this hour.
    UnusualHour,
    /// It does.
    UsualHour,
    /// The host's fraud service thinks so.
    FraudService,
    /// The host's fraud service is silent, and the host chose not to go on without it.
    FraudServiceSilent,
}

impl Reason {
    /// The stable code, for events and for the host's texts: `new_device`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BoundDevice => "bound_device",
            Self::BindingMissing => "binding_missing",
            Self::KnownDevice => "known_device",
            Self::DeviceElsewhere => "device_elsewhere",
            Self::NewDevice => "new_device",
            Self::NoHistory => "no_history",
            Self::KnownNetwork => "known_network",
            Self::KnownOperator => "known_operator",
            Self::NewNetwork => "new_network",
            Self::NewCountry => "new_country",
            Self::KnownBrowser => "known_browser",
            Self::NewBrowser => "new_browser",
            Self::NewSystem => "new_system",
            Self::AnonymousNetwork => "anonymous_network",
            Self::ListedAddress => "listed_address",
            Self::CleanNetwork => "clean_network",
            Self::ImpossibleTravel => "impossible_travel",
            Self::RefusedBefore => "refused_before",
            Self::CredentialStuffing => "credential_stuffing",
            Self::UnderAttack => "under_attack",
            Self::BreachedPassword => "breached_password",
            Self::UnusualHour => "unusual_hour",
            Self::UsualHour => "usual_hour",
            Self::FraudService => "fraud_service",
            Self::FraudServiceSilent => "fraud_service_silent",
        }
    }

    /// What it tells of: evidence of one family is capped together.
    pub(super) const fn family(self) -> Family {
        match self {
            Self::BoundDevice
            | Self::BindingMissing
            | Self::KnownDevice
            | Self::DeviceElsewhere
            | Self::NewDevice
            | Self::NoHistory => Family::Device,
            Self::KnownNetwork | Self::KnownOperator | Self::NewNetwork | Self::NewCountry => Family::Network,
            Self::KnownBrowser | Self::NewBrowser | Self::NewSystem => Family::Browser,
            Self::AnonymousNetwork | Self::ListedAddress | Self::CleanNetwork => Family::Reputation,
            Self::ImpossibleTravel => Family::Travel,
            Self::RefusedBefore => Family::Velocity,
            Self::CredentialStuffing | Self::UnderAttack | Self::BreachedPassword => Family::Stuffing,
            Self::UnusualHour | Self::UsualHour => Family::Hour,
            Self::FraudService | Self::FraudServiceSilent => Family::External,
        }
    }
}

/// A family of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Device,
    Network,
    Browser,
    Reputation,
    Travel,
    Velocity,
    Stuffing,
    Hour,
    External,
}

impl Family {
    pub(super) const ALL: [Self; 9] = [
        Self::Device,
        Self::Network,
        Self::Browser,
        Self::Reputation,
        Self::Travel,
        Self::Velocity,
        Self::Stuffing,
        Self::Hour,
        Self::External,
    ];

    /// How much of it counts, in either direction.
    pub(super) const fn cap(self) -> f64 {
        match self {
            Self::Device | Self::Velocity | Self::Stuffing | Self::External => 4.0,
            Self::Network | Self::Reputation => 3.0,
            Self::Travel => 2.5,
            Self::Browser => 1.5,
            Self::Hour => 1.0,
        }
    }
}
