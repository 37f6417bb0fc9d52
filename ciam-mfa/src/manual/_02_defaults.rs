//! Every default and limit, and where it is changed.
//!
//! | what | default | changed by |
//! | --- | --- | --- |
//! | One-time codes: hash, digits, seconds | SHA-1, 6, 30 | [`OtpParameters`](crate::otp::OtpParameters) |
//! | Seed | 20 bytes; from elsewhere 10 to 128 | fixed |
//! | How far a clock may be off | one step on either side, at most ten | [`TotpFactor::with_drift`](crate::otp::TotpFactor::with_drift) |
//! | How far a token may run ahead | 10 codes, at most 50; 100 with two codes in a row | [`HotpFactor::with_ahead`](crate::otp::HotpFactor::with_ahead) |
//! | Longest text that is taken for a code | 32 bytes; 64 of a recovery code | fixed |
//! | Recovery codes | ten of 12 letters, 60 bits | fixed |
//! | Enrolments of one kind and account | 60 in an hour | [`FactorLimits::enrolments`](crate::manage::FactorLimits::enrolments) |
//! | How long an enrolment takes | 10 minutes | [`FactorLimits::enrolment_lifetime`](crate::manage::FactorLimits::enrolment_lifetime) |
//! | Codes tried for an enrolment | 5; a passkey's answer once | [`FactorLimits::enrolment_attempts`](crate::manage::FactorLimits::enrolment_attempts) |
//! | Who must have a factor, and how long that can wait | nobody; not at all | [`EnrolmentPolicy`](ciam_core::journey::EnrolmentPolicy), [`OrganizationPolicy::acr`](ciam_core::organization::OrganizationPolicy::acr), [`Accounts::demand`](ciam_core::account::Accounts::demand) |
//! | Authenticator apps of an account | 5 | [`FactorLimits::totp`](crate::manage::FactorLimits::totp) |
//! | Passkeys of an account | 20 | [`FactorLimits::passkeys`](crate::manage::FactorLimits::passkeys) |
//! | Longest name of a factor | 64 characters | [`FactorLimits::label`](crate::manage::FactorLimits::label) |
//! | How recent a proof is for a change | 5 minutes | [`AccountPolicy::recent`](ciam_core::account::AccountPolicy::recent) |
//! | Answers to one challenge, and per factor and account | 5; as for passwords | [`JourneyPolicy`](ciam_core::journey::JourneyPolicy) |
//! | Algorithms of passkeys | ES256, EdDSA, ES384, RS256 | [`RelyingParty::with_algorithms`](crate::webauthn::RelyingParty::with_algorithms) |
//! | Challenge | 32 random bytes; shorter than 16 is refused | fixed |
//! | How long the browser waits | 5 minutes | [`RelyingParty::with_timeout`](crate::webauthn::RelyingParty::with_timeout) |
//! | User verification | required to register and to begin a sign-in, preferred after a password | [`RelyingParty::with_user_verification`](crate::webauthn::RelyingParty::with_user_verification) |
//! | Attestation | not asked for; what comes is checked | [`RelyingParty::with_attestation`](crate::webauthn::RelyingParty::with_attestation) |
//! | Embedding in frames | nobody's | [`RelyingParty::with_embedding_by`](crate::webauthn::RelyingParty::with_embedding_by) |
//! | A counter that does not go up | an event | [`RelyingParty::with_sign_count`](crate::webauthn::RelyingParty::with_sign_count) |
//! | Credential id | 1 to 1,023 bytes | fixed |
//! | Client data, authenticator data, attestation object | 8 KiB, 16 KiB, 48 KiB | fixed |
//! | CBOR | 8 levels, 512 items | fixed |
//! | Certificates of a chain, and each | 6, 8 KiB | fixed |
//! | File of the metadata service | 64 MiB | fixed |
//! | Devices for approvals of an account | 5 | [`FactorLimits::push_devices`](crate::manage::FactorLimits::push_devices) |
//! | Requests for approval of an account | 3 in 5 minutes, 10 in an hour, one at a time; none for an hour after a report | [`PushPolicy`](crate::push::PushPolicy) |
//! | How long a request for approval waits, and the push service | 2 minutes, 2 seconds | [`PushPolicy`](crate::push::PushPolicy) |
//! | Numbers typed for a request | one | fixed |
//! | Risk: scores of a challenge, a step-up, a refusal | -2.9, 1.5, 5.5; at a recovery -3.2, 0.0, 4.5; a registration is refused from 3.0 | [`RiskPolicy`](crate::risk::RiskPolicy) |
//! | Risk: weights | as the table in [`Weights`](crate::risk::Weights) | [`AdaptiveRisk::with_weights`](crate::risk::AdaptiveRisk::with_weights) |
//! | Risk: how long data on networks may take | 80 ms | [`RiskPolicy::networks_deadline`](crate::risk::RiskPolicy::networks_deadline) |
//! | Risk: refusals of an account count | 15 minutes, from the third on, on devices that are not known | [`RiskPolicy::refusals`](crate::risk::RiskPolicy::refusals) |
//! | Risk: a tenant is under attack | 50 refusals in 10 minutes that are 60 % | [`RiskPolicy`](crate::risk::RiskPolicy) |
//! | Risk: what is remembered of an account | 12 devices, 16 networks, 8 operators, 8 countries, 12 cities, 8 kinds of browsers; each for 90 days without use, all for 180 | fixed |
//! | Risk: silence of a fraud service | no default: the host chooses | [`AdaptiveRisk::with_fraud_service`](crate::risk::AdaptiveRisk::with_fraud_service) |
//! | Transactions of an account, and how long one may take | 60 in an hour, 5 minutes | [`Transactions::with_limit`](crate::transaction::Transactions::with_limit), [`with_lifetime`](crate::transaction::Transactions::with_lifetime) |
//! | Details of a transaction | 32 objects, 16 KiB | fixed |
