//! The authorization pipeline: one table of checks, in two parts.
//!
//! [`decide`] runs the whole table over freshly loaded [`Facts`], at the authorization endpoint and again at every resume.
//! A check is a pure function. The first that does not pass decides; of the checks that want a sign-in, all that do are
//! told to the person at once, so that one sign-in satisfies them all.

use ciam_core::interaction::{Ask, ConsentAsk, OrganizationAsk, SignInAsk};
use time::Duration;

use super::facts::Facts;
use super::request::Prompt;
use crate::authorization_details::AuthorizationDetail;
use crate::client::GrantType;
use crate::error::{AuthorizeError, RequestProblem, SafeError};
use crate::organization::Choice;
use crate::redirect_uri::RedirectUriKind;

/// What becomes of an authorization request.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "one is made for a request, and taken apart at once")]
pub(crate) enum Decision {
    /// A code is issued.
    Grant,
    /// The person is asked.
    Ask(Ask),
    /// The client hears of an error.
    Refuse(AuthorizeError),
    /// The person sees an error: the redirect URI is not good any more.
    Show(SafeError),
}

/// What one check finds.
#[derive(Clone, Debug)]
enum Verdict {
    Pass,
    /// The person has to sign in (again), for this reason.
    SignIn(&'static str),
    /// As `SignIn`, for a reason that the extension gave.
    SignInFor(String),
    /// The person has to choose an account, for this reason.
    SelectAccount(&'static str),
    /// The person has to choose an organization.
    SelectOrganization,
    /// The person has to consent.
    Consent,
    Refuse(AuthorizeError),
    Show(SafeError),
}

type Check = fn(&Facts<'_>) -> Verdict;

/// Is the request still one that this client may make? Asked of pushed requests too.
const REQUEST_CHECKS: [(&str, Check); 9] = [
    ("redirect_uri_is_registered", redirect_uri_is_registered),
    ("redirect_uri_is_named_if_required", redirect_uri_is_named_if_required),
    ("client_may_use_codes", client_may_use_codes),
    ("request_was_pushed_if_required", request_was_pushed_if_required),
    ("request_was_signed_if_required", request_was_signed_if_required),
    ("scopes_are_the_clients", scopes_are_the_clients),
    ("resources_are_the_clients", resources_are_the_clients),
    ("details_are_the_clients", details_are_the_clients),
    ("essential_assurance_is_known", essential_assurance_is_known),
];

/// Is it sure enough who the person is, and do they allow it?
const PERSON_CHECKS: [(&str, Check); 14] = [
    ("person_did_not_refuse", person_did_not_refuse),
    ("somebody_is_signed_in", somebody_is_signed_in),
    ("account_is_active", account_is_active),
    ("person_is_the_expected_one", person_is_the_expected_one),
    ("sign_in_is_repeated_if_asked_for", sign_in_is_repeated_if_asked_for),
    ("authentication_is_recent", authentication_is_recent),
    ("essential_assurance_is_reached", essential_assurance_is_reached),
    ("wished_assurance_was_tried", wished_assurance_was_tried),
    ("account_is_chosen_if_asked_for", account_is_chosen_if_asked_for),
    ("account_is_the_one_that_was_asked", account_is_the_one_that_was_asked),
    ("organization_is_chosen", organization_is_chosen),
    ("policy_of_the_organization_is_met", policy_of_the_organization_is_met),
    ("app_on_a_device_is_confirmed", app_on_a_device_is_confirmed),
    ("consent_is_given", consent_is_given),
];

fn table() -> impl Iterator<Item = (&'static str, Check)> {
    REQUEST_CHECKS.into_iter().chain(PERSON_CHECKS)
}

/// Decides about a request alone, before there is a person; `None` when nothing speaks against it.
pub(crate) fn decide_request(facts: &Facts<'_>) -> Option<Decision> {
    REQUEST_CHECKS.into_iter().find_map(|(_, check)| match check(facts) {
        Verdict::Refuse(error) => Some(Decision::Refuse(error)),
        Verdict::Show(error) => Some(Decision::Show(error)),
        _ => None,
    })
}

/// Decides about an authorization request.
pub(crate) fn decide(facts: &Facts<'_>) -> Decision {
    let mut sign_in_reasons = Vec::new();
    for (_, check) in table() {
        match check(facts) {
            Verdict::Pass => {}
            Verdict::SignIn(reason) => sign_in_reasons.push(reason.to_owned()),
            Verdict::SignInFor(reason) => sign_in_reasons.push(reason),
            // What was found after a reason to sign in may be different after the sign-in.
            _ if !sign_in_reasons.is_empty() => {}
            Verdict::SelectAccount(reason) => {
                return ask(facts, Ask::SelectAccount(sign_in_ask(facts, vec![reason.to_owned()])));
            }
            Verdict::SelectOrganization => {
                return ask(facts, Ask::SelectOrganization(organization_ask(facts)));
            }
            Verdict::Consent => return ask(facts, Ask::Consent(consent_ask(facts))),
            Verdict::Refuse(error) => return Decision::Refuse(error),
            Verdict::Show(error) => return Decision::Show(error),
        }
    }
    if sign_in_reasons.is_empty() {
        Decision::Grant
    } else {
        ask(facts, Ask::SignIn(sign_in_ask(facts, sign_in_reasons)))
    }
}

/// The name of the first check that does not pass, for traces.
#[cfg(any(test, feature = "tracing"))]
pub(crate) fn first_unmet(facts: &Facts<'_>) -> Option<&'static str> {
    table().find(|(_, check)| !matches!(check(facts), Verdict::Pass)).map(|(name, _)| name)
}

/// With `prompt=none` a question becomes the error that says what it would have been.
fn ask(facts: &Facts<'_>, ask: Ask) -> Decision {
    if !facts.prompts(Prompt::None) {
        return Decision::Ask(ask);
    }
    Decision::Refuse(match ask {
        Ask::SignIn(_) => AuthorizeError::LoginRequired,
        Ask::SelectAccount(_) => AuthorizeError::AccountSelectionRequired,
        Ask::Consent(_) => AuthorizeError::ConsentRequired,
        _ => AuthorizeError::InteractionRequired,
    })
}

fn redirect_uri_is_registered(facts: &Facts<'_>) -> Verdict {
    if facts.request.device.is_some() {
        return Verdict::Pass;
    }
    match facts.client.redirect_uri(facts.request.redirect_uri.as_str()) {
        Some(_) => Verdict::Pass,
        None => Verdict::Show(SafeError::RedirectUri),
    }
}

fn redirect_uri_is_named_if_required(facts: &Facts<'_>) -> Verdict {
    // A device has none.
    let required = facts.config.profile.requires_redirect_uri() && facts.request.device.is_none();
    pass_if(facts.request.redirect_uri_named || !required, RequestProblem::Missing("redirect_uri").into())
}

fn client_may_use_codes(facts: &Facts<'_>) -> Verdict {
    let grant = match &facts.request.device {
        Some(device) if device.person.is_some() => GrantType::Ciba,
        Some(_) => GrantType::DeviceCode,
        None => GrantType::AuthorizationCode,
    };
    let kind = facts.request.response_type;
    let named = facts.request.device.is_some() || facts.client.response_types.contains(&kind);
    // An ID token alone comes of no grant.
    let on = !kind.has_code() || facts.config.grants.contains(&grant) && facts.client.allows(grant);
    let known = facts.config.profile.response_types().contains(&kind);
    pass_if(named && known && on, AuthorizeError::UnauthorizedClient)
}

/// [RFC 9126, section 6](https://www.rfc-editor.org/rfc/rfc9126#section-6).
fn request_was_pushed_if_required(facts: &Facts<'_>) -> Verdict {
    let required = facts.client.require_pushed_requests || facts.config.require_pushed_requests;
    // A device sends its request itself, as a client that pushes does.
    let by_itself = facts.pushed || facts.request.device.is_some();
    pass_if(by_itself || !required, RequestProblem::NotPushed.into())
}

/// [RFC 9101, section 10.5](https://www.rfc-editor.org/rfc/rfc9101#section-10.5).
fn request_was_signed_if_required(facts: &Facts<'_>) -> Verdict {
    let required = facts.client.messages.require_signed_requests || facts.config.require_signed_requests();
    pass_if(facts.request.signed || !required, RequestProblem::NotSigned.into())
}

fn scopes_are_the_clients(facts: &Facts<'_>) -> Verdict {
    pass_if(facts.request.scopes.is_subset(&facts.client.scopes), AuthorizeError::InvalidScope)
}

fn resources_are_the_clients(facts: &Facts<'_>) -> Verdict {
    let mut resources = facts.request.resources.iter();
    pass_if(
        resources.all(|resource| facts.config.may_target(facts.client, resource)),
        AuthorizeError::InvalidTarget,
    )
}

fn details_are_the_clients(facts: &Facts<'_>) -> Verdict {
    let allowed = &facts.client.authorization_details_types;
    let known = |name: &str| allowed.contains(name) && facts.config.detail_types.contains_key(name);
    let mut details = facts.request.details.iter();
    pass_if(details.all(|detail| known(detail.name())), AuthorizeError::InvalidAuthorizationDetails)
}

fn person_did_not_refuse(facts: &Facts<'_>) -> Verdict {
    let refused = facts.resumed.is_some_and(|resumed| resumed.answers.refused);
    pass_if(!refused, AuthorizeError::AccessDenied)
}

fn somebody_is_signed_in(facts: &Facts<'_>) -> Verdict {
    sign_in_unless(facts.session.is_some(), "no_session")
}

fn account_is_active(facts: &Facts<'_>) -> Verdict {
    let active = facts.account.is_some_and(|account| account.may_sign_in(facts.now));
    sign_in_unless(facts.session.is_none() || active, "account_inactive")
}

/// `id_token_hint` and a requested `sub`: the extension knows whom the request is about.
fn person_is_the_expected_one(facts: &Facts<'_>) -> Verdict {
    let meant = facts.request.device.as_ref().and_then(|device| device.person);
    if let (Some(meant), Some(session)) = (meant, facts.session)
        && meant != session.account
    {
        return Verdict::SignIn("other_person");
    }
    match &facts.demands.other_person {
        Some(reason) if facts.session.is_some() => Verdict::SignInFor(reason.clone()),
        _ => Verdict::Pass,
    }
}

/// `prompt=login` and `prompt=create`: whatever session there was before, the person proves themselves again.
fn sign_in_is_repeated_if_asked_for(facts: &Facts<'_>) -> Verdict {
    let repeated = facts.authenticated_in_this_interaction();
    if facts.prompts(Prompt::Create) {
        return sign_in_unless(repeated, "prompt_create");
    }
    sign_in_unless(repeated || !facts.prompts(Prompt::Login), "prompt_login")
}

fn authentication_is_recent(facts: &Facts<'_>) -> Verdict {
    sign_in_unless(facts.session.is_none() || facts.is_fresh(), "max_age")
}

/// A level that must be reached and that no sign-in here can reach: nobody is asked in vain.
fn essential_assurance_is_known(facts: &Facts<'_>) -> Verdict {
    let wanted = &facts.demands.essential_acr;
    let known = wanted.iter().any(|acr| facts.ladder().level(acr).is_some());
    pass_if(wanted.is_empty() || known, AuthorizeError::UnmetAuthenticationRequirements)
}

/// A level that must be reached: an attempt in this interaction that did not reach it ends the request.
fn essential_assurance_is_reached(facts: &Facts<'_>) -> Verdict {
    let wanted = &facts.demands.essential_acr;
    if wanted.is_empty() || facts.session.is_none() || facts.reaches_any(wanted) {
        return Verdict::Pass;
    }
    if facts.stepping_up_failed() || facts.prompts(Prompt::None) {
        return Verdict::Refuse(AuthorizeError::UnmetAuthenticationRequirements);
    }
    Verdict::SignIn("acr")
}

/// A level that the client would like: the person is asked once, and what was reached is what the tokens say.
fn wished_assurance_was_tried(facts: &Facts<'_>) -> Verdict {
    let wanted = facts.wished_acr();
    let reachable = wanted.iter().any(|acr| facts.ladder().level(acr).is_some());
    let done = !reachable || facts.reaches_any(wanted) || facts.stepping_up_failed();
    sign_in_unless(facts.session.is_none() || done || facts.prompts(Prompt::None), "acr")
}

fn account_is_chosen_if_asked_for(facts: &Facts<'_>) -> Verdict {
    if facts.prompts(Prompt::SelectAccount) && !chose_account(facts) {
        return Verdict::SelectAccount("prompt_select_account");
    }
    Verdict::Pass
}

/// Between a question and the return somebody else may have signed in, in another tab or by another site's doing. The
/// change is put before the person, never taken silently.
fn account_is_the_one_that_was_asked(facts: &Facts<'_>) -> Verdict {
    let (Some(resumed), Some(session)) = (facts.resumed, facts.session) else { return Verdict::Pass };
    let changed = resumed.answers.seen.is_some_and(|seen| seen != session.account);
    let change_was_asked_for = matches!(resumed.asked, Ask::SignIn(_) | Ask::SelectAccount(_));
    if changed && !change_was_asked_for && !chose_account(facts) {
        return Verdict::SelectAccount("account_changed");
    }
    Verdict::Pass
}

/// Whether the person chose this session's account in this interaction, by saying so or by signing in with it while a
/// sign-in or a choice was what was asked.
fn chose_account(facts: &Facts<'_>) -> bool {
    let (Some(resumed), Some(session)) = (facts.resumed, facts.session) else { return false };
    let said_so = resumed.answers.chosen == Some(session.id);
    let was_asked = matches!(resumed.asked, Ask::SignIn(_) | Ask::SelectAccount(_));
    said_so || was_asked && facts.authenticated_in_this_interaction()
}

/// The organization that the request is about: theirs, and one.
fn organization_is_chosen(facts: &Facts<'_>) -> Verdict {
    match facts.choice {
        Choice::Ask => Verdict::SelectOrganization,
        Choice::Refused => Verdict::Refuse(AuthorizeError::AccessDenied),
        Choice::None | Choice::Acting(..) => Verdict::Pass,
    }
}

/// A sign-in that was asked for and did not bring what the policy demands ends the request.
fn policy_of_the_organization_is_met(facts: &Facts<'_>) -> Verdict {
    let Some(demand) = facts.choice.demand() else { return Verdict::Pass };
    if facts.policy_was_asked_for() {
        return Verdict::Refuse(AuthorizeError::UnmetAuthenticationRequirements);
    }
    Verdict::SignIn(demand.reasons.first().copied().unwrap_or("organization_policy"))
}

/// Any app on a device can send the request of a public app there and receive the answer, so nothing is granted to one
/// without the person's doing, whatever was allowed before ([RFC 8252, section
/// 8.6](https://www.rfc-editor.org/rfc/rfc8252#section-8.6)). An `https` address belongs to one application alone.
///
/// The code of a device may have been sent to the person by somebody else, so a device is confirmed always, by an answer
/// ([RFC 8628, section 5.4](https://www.rfc-editor.org/rfc/rfc8628#section-5.4)).
fn app_on_a_device_is_confirmed(facts: &Facts<'_>) -> Verdict {
    if facts.request.device.is_some() {
        return if facts.fresh_consent().is_some() { Verdict::Pass } else { Verdict::Consent };
    }
    let assured = !facts.client.is_public() || facts.request.redirect_uri.kind() == RedirectUriKind::Https;
    if assured || facts.fresh_consent().is_some() || facts.authenticated_in_this_interaction() {
        return Verdict::Pass;
    }
    Verdict::Consent
}

fn consent_is_given(facts: &Facts<'_>) -> Verdict {
    if facts.fresh_consent().is_some() {
        // Nothing left of the request is a refusal.
        let nothing = facts.granted_scopes().is_empty() && !facts.request.scopes.is_empty();
        return pass_if(!nothing, AuthorizeError::AccessDenied);
    }
    let forced = facts.prompts(Prompt::Consent);
    // Even a request for no scope at all tells the client who the person is: somebody agreed to that once.
    let remembered = facts.consent.is_some() && facts.scopes_without_consent().is_empty();
    // Details say what is to be done once: what was allowed before says nothing about these.
    let forced = forced || !facts.request.details.is_empty();
    if (facts.client.first_party || remembered) && !forced { Verdict::Pass } else { Verdict::Consent }
}

fn pass_if(holds: bool, error: AuthorizeError) -> Verdict {
    if holds { Verdict::Pass } else { Verdict::Refuse(error) }
}

fn sign_in_unless(holds: bool, reason: &'static str) -> Verdict {
    if holds { Verdict::Pass } else { Verdict::SignIn(reason) }
}

fn sign_in_ask(facts: &Facts<'_>, reasons: Vec<String>) -> SignInAsk {
    let started_at = facts.resumed.map_or(facts.now, |resumed| resumed.started_at);
    let repeat = facts.prompts(Prompt::Login) || facts.prompts(Prompt::Create);
    let by_prompt = repeat.then_some(started_at);
    let by_age = facts.request.max_age.map(|max_age| facts.now - Duration::seconds(i64::from(max_age)));
    let acr_values = if facts.demands.essential_acr.is_empty() {
        facts.wished_acr().to_vec()
    } else {
        facts.demands.essential_acr.clone()
    };
    let demand = facts.choice.demand();
    let by_policy = demand.and_then(|demand| demand.authenticated_since);
    let acr_values = match demand {
        Some(demand) if acr_values.is_empty() => demand.acr_values.clone(),
        _ => acr_values,
    };
    let mut ask = SignInAsk::default();
    ask.reasons = reasons;
    ask.client_name = Some(client_name(facts));
    ask.login_hint.clone_from(&facts.request.login_hint);
    ask.authenticated_since = by_prompt.max(by_age).max(by_policy);
    ask.acr_values = acr_values;
    ask.ui_locales.clone_from(&facts.request.ui_locales);
    ask.create = facts.prompts(Prompt::Create);
    ask
}

fn organization_ask(facts: &Facts<'_>) -> OrganizationAsk {
    let mut ask = OrganizationAsk::default();
    ask.client_name = Some(client_name(facts));
    ask.ui_locales.clone_from(&facts.request.ui_locales);
    ask
}

fn consent_ask(facts: &Facts<'_>) -> ConsentAsk {
    let missing = facts.scopes_without_consent();
    let display = &facts.client.display;
    let mut ask = ConsentAsk::new(facts.client.id.as_str(), missing.to_strings());
    ask.client_name = Some(client_name(facts));
    ask.client_logo.clone_from(&display.logo_uri);
    ask.client_policy.clone_from(&display.policy_uri);
    ask.client_terms.clone_from(&display.tos_uri);
    ask.already_allowed = facts.request.scopes.difference(&missing).to_strings();
    ask.resources = facts.request.resources.iter().map(ToString::to_string).collect();
    let words = |detail: &AuthorizationDetail| {
        facts.config.detail_types.get(detail.name()).map(|known| known.describe(detail))
    };
    ask.details = facts.request.details.iter().filter_map(words).collect();
    ask.ui_locales.clone_from(&facts.request.ui_locales);
    let shown = facts.request.device.as_ref().map(|device| device.user_code.clone());
    ask.user_code = shown.filter(|code| !code.is_empty());
    ask
}

fn client_name(facts: &Facts<'_>) -> String {
    facts.client.display.name.clone().unwrap_or_else(|| facts.client.id.to_string())
}

#[cfg(test)]
mod tests;
