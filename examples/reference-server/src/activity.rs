//! What happened to an account, in the words of the person whose it is.

use std::collections::BTreeMap;

use ciam_core::{actor::Actor, audit::AuditEntry, id::AccountId};

use crate::{
    i18n::{ActivityTexts, Message, Texts},
    reasons::in_words,
};

/// What an entry of the audit log says; the event's own name where there are no words for it.
pub(crate) fn words(t: &Texts, entry: &AuditEntry) -> String {
    of_type(&t.activity, &entry.event_type).map_or_else(|| entry.event_type.clone(), ToString::to_string)
}

/// What was unusual about it, where something was: what the risk engine said, and where the session began. Places are kept with
/// sessions and not in the log, from which nothing can be erased.
pub(crate) fn unusual(t: &Texts, entry: &AuditEntry, places: &BTreeMap<String, String>) -> Option<String> {
    let codes = entry.data.get("risk_reasons")?.as_array()?;
    let told = in_words(&t.risk, codes.iter().filter_map(|it| it.as_str()));
    if told.is_empty() {
        return None;
    }
    let told = told.join("; ");
    let session = entry.data.get("session").and_then(|it| it.as_str());
    Some(match session.and_then(|session| places.get(session)) {
        Some(place) => t.risk.at_place.fill(&[("reasons", told.as_str()), ("place", place.as_str())]),
        None => told,
    })
}

/// Who did it: the person, the system or somebody else, of whom no more is told.
pub(crate) fn by(t: &Texts, entry: &AuditEntry, account: AccountId) -> String {
    match entry.data.get("by").and_then(|it| it.as_str()) {
        Some(by) if by == Actor::Account(account).to_string() => t.privacy.by_you.to_string(),
        Some(by) if by.starts_with("account:") => t.privacy.by_other.to_string(),
        Some(_) => t.privacy.by_system.to_string(),
        None => String::new(),
    }
}

fn of_type<'a>(t: &'a ActivityTexts, name: &str) -> Option<&'a Message> {
    Some(match name {
        "ciam.account.registered.v1" => &t.registered,
        "ciam.account.updated.v1" => &t.updated,
        "ciam.account.activated.v1" => &t.activated,
        "ciam.account.suspended.v1" => &t.suspended,
        "ciam.account.locked.v1" => &t.locked,
        "ciam.account.reactivated.v1" => &t.reactivated,
        "ciam.account.deactivated.v1" => &t.deactivated,
        "ciam.account.restored.v1" => &t.restored,
        "ciam.account.inactive.v1" => &t.inactive,
        "ciam.account.reclaimed.v1" => &t.reclaimed,
        "ciam.identity.linked.v1" => &t.identity_linked,
        "ciam.identity.unlinked.v1" => &t.identity_unlinked,
        "ciam.identifier.change_started.v1" => &t.identifier_started,
        "ciam.identifier.changed.v1" => &t.identifier_changed,
        "ciam.account.registration_repeated.v1" => &t.registration_repeated,
        "ciam.account.registration_started.v1" => &t.registration_started,
        "ciam.account.identifier_reclaimed.v1" => &t.identifier_reclaimed,
        "ciam.account.sign_in_code_requested.v1" => &t.code_requested,
        "ciam.account.recovery_requested.v1" => &t.recovery_requested,
        "ciam.account.recovered.v1" => &t.recovered,
        "ciam.credential.changed.v1" => &t.credential_changed,
        "ciam.account.demand_changed.v1" => &t.demand_changed,
        "ciam.factor.reset.v1" => &t.factors_reset,
        "ciam.factor.recovery_code_used.v1" => &t.recovery_code_used,
        "ciam.factor.push_denied.v1" => &t.push_denied,
        "ciam.factor.push_reported.v1" => &t.push_reported,
        "ciam.factor.passkey_counter.v1" => &t.passkey_counter,
        "ciam.session.started.v1" => &t.signed_in,
        "ciam.session.renewed.v1" => &t.session_renewed,
        "ciam.session.challenged.v1" => &t.challenged,
        "ciam.session.refused.v1" => &t.refused,
        "ciam.session.ended.v1" => &t.session_ended,
        "ciam.device.added.v1" => &t.device_added,
        "ciam.device.trusted.v1" => &t.device_trusted,
        "ciam.device.distrusted.v1" => &t.device_distrusted,
        "ciam.device.revoked.v1" => &t.device_revoked,
        "ciam.consent.given.v1" => &t.consent_given,
        "ciam.consent.withdrawn.v1" => &t.consent_withdrawn,
        "ciam.terms.accepted.v1" => &t.terms_accepted,
        "ciam.membership.joined.v1" => &t.joined,
        "ciam.membership.changed.v1" => &t.membership_changed,
        "ciam.membership.suspended.v1" => &t.membership_suspended,
        "ciam.membership.reactivated.v1" => &t.membership_reactivated,
        "ciam.membership.ended.v1" => &t.membership_ended,
        "ciam.session.organization_changed.v1" => &t.organization_changed,
        "ciam.oauth.authorization.granted.v1" => &t.authorization_granted,
        "ciam.oauth.authorization.refused.v1" => &t.authorization_refused,
        "ciam.oauth.grant.created.v1" => &t.grant_created,
        "ciam.oauth.grant.revoked.v1" => &t.grant_revoked,
        "ciam.oauth.access_token.revoked.v1" => &t.token_revoked,
        _ => return None,
    })
}
