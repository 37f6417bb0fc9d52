use std::collections::{BTreeMap, BTreeSet};

use ciam_core::account::{Account, AccountStatus};
use ciam_core::assurance::{Acr, AcrLadder, Amr, AuthenticationContext, FactorKind, Proof};
use ciam_core::consent::Consent;
use ciam_core::id::{AccountId, OrganizationId, SessionId};
use ciam_core::secret::TokenDigest;
use ciam_core::session::Session;
use proptest::prelude::*;
use serde_json::Map;
use time::OffsetDateTime;
use time::macros::datetime;

use super::*;
use crate::authorize::facts::{Answers, ConsentAnswer, Resumed};
use crate::authorize::{AuthorizeRequest, PromptSet, ResponseMode};
use crate::client::Client;
use crate::extension::Demands;
use crate::resource::ResourceIndicator;
use crate::scope::ScopeSet;
use crate::server::{Config, Lifetimes, Limits, ResourceServer};

const START: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);
const AAL2: &str = "urn:ciam:acr:aal2";

/// Facts that all checks pass, to be spoiled one at a time.
#[derive(Clone, Debug)]
struct Case {
    config: Config,
    client: Client,
    request: AuthorizeRequest,
    pushed: bool,
    session: Option<Session>,
    account: Option<Account>,
    consent: Option<Consent>,
    demands: Demands,
    choice: Choice,
    resumed: Option<Resumed>,
    now: OffsetDateTime,
}

fn account_id(number: u128) -> AccountId {
    AccountId::from_uuid(uuid::Uuid::from_u128(number))
}

fn session_of(account: AccountId, at: OffsetDateTime) -> Session {
    let context = AuthenticationContext::new([Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], at)]);
    let id = SessionId::from_uuid(uuid::Uuid::from_u128(7));
    Session::new(id, account, TokenDigest::of("secret"), context, at, at + Duration::days(1))
}

impl Case {
    fn good() -> Self {
        let api: ResourceIndicator = "https://api.example".parse().unwrap();
        let mut account = Account::new(account_id(1), START);
        account.status = AccountStatus::Active;
        let config = Config {
            lifetimes: Lifetimes::default(),
            limits: Limits::default(),
            interaction_url: "https://id.example/interaction/".to_owned(),
            scopes: BTreeMap::new(),
            protocol_scopes: ScopeSet::new(),
            resources: BTreeMap::from([(
                api.clone(),
                ResourceServer::new(api.clone(), "a b".parse().unwrap()),
            )]),
            default_resource: api.clone(),
            acr: AcrLadder::default(),
            grants: BTreeSet::from(GrantType::ALL),
            without: BTreeSet::new(),
            require_pushed_requests: false,
            device: None,
            backchannel: None,
            client_authentication: BTreeSet::new(),
            dpop: None,
            mutual_tls: None,
            sender_constraint: crate::validate::SenderConstraint::None,
            registration: false,
            detail_types: BTreeMap::new(),
            #[cfg(feature = "draft-first-party-apps")]
            authorization_challenge: false,
            #[cfg(feature = "draft-attested-clients")]
            attestation_challenges: None,
            #[cfg(feature = "draft-status-list")]
            status_lists: None,
            signed_metadata: false,
            profile: crate::server::Profile::OAuth21,
            request_objects: None,
        };
        let client = Client::public("app".parse().unwrap())
            .with_redirect_uri("https://app.example/cb".parse().unwrap())
            .with_grant(GrantType::AuthorizationCode)
            .with_scopes("a b".parse().unwrap());
        let request = AuthorizeRequest {
            client: client.id.clone(),
            redirect_uri: "https://app.example/cb".parse().unwrap(),
            redirect_uri_named: true,
            response_mode: ResponseMode::Query,
            state: None,
            challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".parse().unwrap()),
            scopes: "a".parse().unwrap(),
            resources: BTreeSet::from([api]),
            resources_named: false,
            prompt: PromptSet::default(),
            max_age: None,
            acr_values: Vec::new(),
            login_hint: None,
            ui_locales: Vec::new(),
            display: None,
            organization: None,
            dpop_key: None,
            instance: None,
            device: None,
            details: Vec::new(),
            response_type: crate::authorize::ResponseType::Code,
            signed: false,
            extension: Map::new(),
        };
        let allowed = BTreeSet::from(["a".to_owned()]);
        Self {
            config,
            client,
            request,
            pushed: false,
            session: Some(session_of(account.id, START)),
            consent: Some(Consent::new(account.id, "client:app", allowed, START)),
            account: Some(account),
            demands: Demands::default(),
            choice: Choice::None,
            resumed: None,
            now: START + Duration::minutes(1),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn prompt(self, prompt: Prompt) -> Self {
        self.with(|case| case.request.prompt = PromptSet::new([prompt]).unwrap())
    }

    fn resumed(self, change: impl FnOnce(&mut Resumed)) -> Self {
        self.with(|case| {
            let asked = Ask::Consent(ConsentAsk::new("app", vec![]));
            let mut resumed = Resumed { started_at: case.now, asked, answers: Answers::default() };
            change(&mut resumed);
            case.resumed = Some(resumed);
        })
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            config: &self.config,
            client: &self.client,
            request: &self.request,
            pushed: self.pushed,
            session: self.session.as_ref(),
            account: self.account.as_ref(),
            consent: self.consent.as_ref(),
            demands: &self.demands,
            choice: &self.choice,
            resumed: self.resumed.as_ref(),
            now: self.now,
        }
    }
}

#[test]
fn the_good_case_is_granted() {
    let case = Case::good();
    assert!(matches!(decide(&case.facts()), Decision::Grant));
    assert_eq!(first_unmet(&case.facts()), None);
}

/// Every check has a case that it stops first: take the check out of the table and its row fails.
#[test]
fn every_check_stops_what_it_is_for() {
    let acr = || vec![Acr::new(AAL2)];
    let rows: Vec<(&str, Case)> = vec![
        (
            "redirect_uri_is_registered",
            Case::good().with(|case| {
                case.client.redirect_uris = vec!["https://app.example/2".parse().unwrap()];
            }),
        ),
        (
            "redirect_uri_is_named_if_required",
            Case::good().with(|case| {
                case.config.profile = crate::server::Profile::Fapi2Security;
                case.request.redirect_uri_named = false;
            }),
        ),
        (
            "request_was_signed_if_required",
            Case::good().with(|case| case.client.messages.require_signed_requests = true),
        ),
        ("client_may_use_codes", Case::good().with(|case| case.client.grants.clear())),
        (
            "request_was_pushed_if_required",
            Case::good().with(|case| case.client.require_pushed_requests = true),
        ),
        ("scopes_are_the_clients", Case::good().with(|case| case.client.scopes = "b".parse().unwrap())),
        (
            "resources_are_the_clients",
            Case::good().with(|case| {
                case.request.resources.insert("https://other.example".parse().unwrap());
            }),
        ),
        (
            "details_are_the_clients",
            Case::good().with(|case| {
                case.request.details = vec![AuthorizationDetail::new("payment")];
            }),
        ),
        (
            "essential_assurance_is_known",
            Case::good().with(|case| {
                case.demands.essential_acr = vec![Acr::new("gold")];
            }),
        ),
        ("person_did_not_refuse", Case::good().resumed(|resumed| resumed.answers.refused = true)),
        (
            "somebody_is_signed_in",
            Case::good().with(|case| {
                case.session = None;
                case.account = None;
            }),
        ),
        (
            "account_is_active",
            Case::good().with(|case| {
                case.account.as_mut().unwrap().status = AccountStatus::Locked;
            }),
        ),
        (
            "person_is_the_expected_one",
            Case::good().with(|case| {
                case.demands.other_person = Some("id_token_hint".to_owned());
            }),
        ),
        ("sign_in_is_repeated_if_asked_for", Case::good().prompt(Prompt::Login)),
        ("sign_in_is_repeated_if_asked_for", Case::good().prompt(Prompt::Create)),
        ("authentication_is_recent", Case::good().with(|case| case.request.max_age = Some(59))),
        ("essential_assurance_is_reached", Case::good().with(|case| case.demands.essential_acr = acr())),
        ("wished_assurance_was_tried", Case::good().with(|case| case.request.acr_values = acr())),
        ("account_is_chosen_if_asked_for", Case::good().prompt(Prompt::SelectAccount)),
        (
            "account_is_the_one_that_was_asked",
            Case::good().resumed(|resumed| {
                resumed.answers.seen = Some(account_id(2));
            }),
        ),
        ("organization_is_chosen", Case::good().with(|case| case.choice = Choice::Ask)),
        ("organization_is_chosen", Case::good().with(|case| case.choice = Choice::Refused)),
        (
            "policy_of_the_organization_is_met",
            Case::good().with(|case| {
                let id = OrganizationId::from_uuid(uuid::Uuid::nil());
                case.choice = Choice::Acting(id, Some(Box::default()));
            }),
        ),
        (
            "app_on_a_device_is_confirmed",
            Case::good().with(|case| {
                let uri: crate::redirect_uri::RedirectUri = "com.example.app:/cb".parse().unwrap();
                case.request.redirect_uri = uri.clone();
                case.client.redirect_uris = vec![uri];
            }),
        ),
        ("consent_is_given", Case::good().with(|case| case.consent = None)),
        ("consent_is_given", Case::good().with(|case| case.request.scopes = "a b".parse().unwrap())),
        ("consent_is_given", Case::good().prompt(Prompt::Consent)),
    ];
    let covered: BTreeSet<&str> = rows.iter().map(|(name, _)| *name).collect();
    let all: BTreeSet<&str> = table().map(|(name, _)| name).collect();
    assert_eq!(covered, all, "a check without a row");
    for (name, case) in rows {
        assert_eq!(first_unmet(&case.facts()), Some(name));
        assert!(!matches!(decide(&case.facts()), Decision::Grant), "{name}");
        let others = table()
            .filter(|(other, check)| *other != name && !matches!(check(&case.facts()), Verdict::Pass))
            .map(|(other, _)| other);
        // A level that nobody can reach is a level that was not reached.
        // Details are asked for every time.
        let implied: &[&str] = match name {
            "essential_assurance_is_known" => &["essential_assurance_is_reached"],
            "details_are_the_clients" => &["consent_is_given"],
            _ => &[],
        };
        assert_eq!(others.collect::<Vec<_>>(), implied, "{name} is not alone");
    }
}

/// The person's answers count for the person and session that gave them.
#[test]
fn an_answer_counts_for_who_gave_it() {
    let answered = |account: AccountId, session: u128| {
        Case::good().with(|case| case.consent = None).resumed(|resumed| {
            resumed.answers.seen = Some(account_id(1));
            resumed.answers.consent = Some(ConsentAnswer {
                account,
                session: SessionId::from_uuid(uuid::Uuid::from_u128(session)),
                shown: "a".parse().unwrap(),
                allowed: "a".parse().unwrap(),
            });
        })
    };
    assert!(matches!(decide(&answered(account_id(1), 7).facts()), Decision::Grant));
    assert!(matches!(decide(&answered(account_id(2), 7).facts()), Decision::Ask(Ask::Consent(_))));
    assert!(matches!(decide(&answered(account_id(1), 8).facts()), Decision::Ask(Ask::Consent(_))));
}

/// A sign-in before the request is not the sign-in that `prompt=login` asked for.
#[test]
fn only_a_sign_in_since_the_request_began_counts() {
    let at = |seconds: i64| {
        Case::good()
            .prompt(Prompt::Login)
            .resumed(|resumed| {
                resumed.started_at = START + Duration::seconds(10);
                resumed.asked = Ask::SignIn(SignInAsk::default());
            })
            .with(|case| case.session = Some(session_of(account_id(1), START + Duration::seconds(seconds))))
    };
    assert!(matches!(decide(&at(9).facts()), Decision::Ask(Ask::SignIn(_))));
    assert!(matches!(decide(&at(10).facts()), Decision::Grant));
}

fn any_case() -> impl Strategy<Value = Case> {
    let prompts = proptest::option::of(proptest::sample::select(Prompt::ALL.to_vec()));
    let flags = proptest::collection::vec(any::<bool>(), 14);
    (prompts, flags, proptest::option::of(0_u32..120), 0_i64..7200).prop_map(
        |(prompt, flags, max_age, age)| {
            let flag = |position: usize| flags[position];
            Case::good().with(|case| {
                case.request.prompt = PromptSet::new(prompt).unwrap();
                case.request.max_age = max_age;
                case.now = START + Duration::seconds(age);
                case.client.first_party = flag(0);
                case.client.require_pushed_requests = flag(1);
                case.pushed = flag(2);
                if flag(3) {
                    case.session = None;
                    case.account = None;
                }
                if flag(4) {
                    case.consent = None;
                }
                if flag(5) {
                    case.request.acr_values = vec![Acr::new(AAL2)];
                }
                if flag(6) {
                    case.demands.essential_acr = vec![Acr::new(AAL2)];
                }
                if flag(7) {
                    case.demands.other_person = Some("id_token_hint".to_owned());
                }
                if flag(8) {
                    case.client.grants.clear();
                }
                if flag(9) {
                    let asked = if flag(10) {
                        Ask::SignIn(SignInAsk::default())
                    } else {
                        Ask::Consent(ConsentAsk::new("app", vec![]))
                    };
                    let answers =
                        Answers { refused: flag(11), cannot_step_up: flag(12), ..Answers::default() };
                    case.resumed = Some(Resumed { started_at: START, asked, answers });
                }
                if flag(13) {
                    case.request.scopes = "a b".parse().unwrap();
                }
            })
        },
    )
}

proptest! {
    #[test]
    fn decisions_keep_their_promises(case in any_case()) {
        let facts = case.facts();
        let decision = decide(&facts);
        match &decision {
            Decision::Grant => {
                prop_assert!(case.session.is_some() && case.account.is_some());
                prop_assert!(case.client.allows(GrantType::AuthorizationCode));
                prop_assert!(!case.client.require_pushed_requests || case.pushed);
                prop_assert!(case.demands.essential_acr.is_empty() && case.demands.other_person.is_none());
                prop_assert!(case.client.first_party || case.consent.is_some());
                prop_assert!(!case.resumed.as_ref().is_some_and(|resumed| resumed.answers.refused));
                prop_assert!(facts.granted_scopes().is_subset(&case.request.scopes));
            }
            Decision::Ask(_) => prop_assert!(!facts.prompts(Prompt::None), "asked in spite of prompt=none"),
            Decision::Refuse(_) | Decision::Show(_) => {}
        }
        prop_assert_eq!(matches!(decision, Decision::Grant), first_unmet(&facts).is_none());
        // A decision depends on the facts alone.
        prop_assert_eq!(format!("{decision:?}"), format!("{:?}", decide(&facts)));
    }
}
