//! An administrator of an organization takes the factors of a member away.

use std::{collections::BTreeSet, sync::Arc};

use ciam_core::{
    actor::Actor,
    audit::AuditLog,
    id::{OrganizationId, TenantId},
    memory::{self, MemoryDatabase, MemoryDns},
    organization::{RoleName, Slug},
    relay::Relay,
    store::PageRequest,
    testkit::{ManualClock, SeededEntropy},
};
use http::StatusCode;
use serde_json::json;
use time::Duration;

use crate::{
    api::BASE,
    app::App,
    privacy::audit_sink,
    testing::{Browser, PASSWORD, account_of, app_on, person, sign_in},
};

const ADA: &str = "ada@acme.example";
const BOB: &str = "bob@acme.example";
const DAN: &str = "dan@acme.example";
const CAROL: &str = "carol@elsewhere.example";
const TENANT: Actor = Actor::system("test");
const REASON: (&str, &str) = ("reason", "device_lost");

struct Acme {
    app: App,
    clock: Arc<ManualClock>,
    id: OrganizationId,
    /// Ada owns it, Dan administers it, Bob works there, and so does Carol, with an address of elsewhere.
    ada: Browser,
    bob: Browser,
    dan: Browser,
}

async fn acme() -> Acme {
    let (dns, clock) = (Arc::new(MemoryDns::new()), Arc::new(ManualClock::default()));
    let tenant = TenantId::from_uuid(uuid::Uuid::from_u128(7));
    let entropy = Arc::new(SeededEntropy::new(7));
    let ports =
        memory::ports_of(tenant, &MemoryDatabase::new(), clock.clone(), entropy).with_dns(dns.clone());
    let app = app_on(&[], ports).await;
    let (ada, bob, dan) = (person(&app, ADA).await, person(&app, BOB).await, person(&app, DAN).await);
    person(&app, CAROL).await;
    let organizations = &app.services().organizations;
    let owner = Some(account_of(&app, ADA).await);
    let id = organizations.create(&TENANT, Slug::new("acme").unwrap(), "Acme", owner).await.unwrap().id;
    let claim = organizations.claim_domain(&TENANT, id, "acme.example").await.unwrap();
    dns.publish(&claim.txt_name(), claim.txt_value());
    organizations.verify_domain(&TENANT, id, &claim.domain).await.unwrap();
    for (who, role) in [(BOB, RoleName::member()), (CAROL, RoleName::member()), (DAN, RoleName::admin())] {
        let account = account_of(&app, who).await;
        organizations.add_member(&TENANT, id, account, BTreeSet::from([role])).await.unwrap();
    }
    Acme { app, clock, id, ada, bob, dan }
}

async fn path(app: &App, who: &str) -> String {
    format!("/organizations/acme/members/{}/factors", account_of(app, who).await)
}

/// Gives the person recovery codes.
async fn codes(browser: &mut Browser) {
    let request = http::Request::builder()
        .method("PUT")
        .uri(format!("{BASE}/recovery-codes"))
        .header("origin", "http://localhost:8080")
        .header("content-type", "application/json");
    assert!(browser.send(request, "{}").await.status.is_success());
}

async fn left(app: &App, who: &str) -> usize {
    app.services().factors.list(account_of(app, who).await).await.unwrap().len()
}

#[tokio::test]
async fn what_a_member_has_lost_is_taken_away_and_everybody_is_told_who_did_it() {
    let Acme { app, mut ada, mut bob, .. } = acme().await;
    codes(&mut bob).await;
    let page = path(&app, BOB).await;
    let member = ada.get(page.strip_suffix("/factors").unwrap()).await;
    assert!(member.text.contains(&format!("href=\"{page}\"")), "{}", member.text);
    let shown = ada.get(&page).await;
    assert!(shown.says(BOB) && shown.says("call them back"), "{}", shown.text);
    let done = ada.submit(&shown, &page, &[REASON]).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert!(done.says("1 taken away"), "{}", done.text);
    assert_eq!((left(&app, BOB).await, bob.get("/account").await.path.as_str()), (0, "/sign-in"));
    let again = ada.submit(&done, &page, &[REASON]).await;
    assert!(again.says("There is nothing to take away"), "{}", again.text);

    let catcher = app.catcher().unwrap();
    let relay = Relay::new(app.ports().clone(), Arc::clone(catcher) as Arc<dyn ciam_core::notify::Notifier>);
    relay.with_sink(audit_sink(app.ports())).deliver_pending().await.unwrap();
    assert!(catcher.messages().iter().any(|it| it.to == BOB), "the owner is told");
    let subject = format!("account:{}", account_of(&app, BOB).await);
    let log = AuditLog::new(app.ports().clone());
    let entries = log.entries_about(&subject, PageRequest::first(100)).await.unwrap().items;
    let reset = entries.iter().find(|it| it.event_type == "ciam.factor.reset.v1").unwrap();
    let by = format!("account:{}", account_of(&app, ADA).await);
    assert_eq!(
        (&reset.data["by"], &reset.data["reason"], &reset.data["factors"]),
        (&json!(by), &json!("device_lost"), &json!(["recovery_code"]))
    );
    sign_in(&mut bob, BOB, PASSWORD).await;
    let activity = bob.get("/account/privacy/activity").await;
    assert!(activity.says("Passkeys and codes taken away by an administrator"), "{}", activity.text);
}

#[tokio::test]
async fn who_took_over_an_open_session_takes_nothing_from_others() {
    let Acme { app, clock, mut ada, mut bob, .. } = acme().await;
    codes(&mut bob).await;
    let page = path(&app, BOB).await;
    let shown = ada.get(&page).await;
    clock.advance(Duration::minutes(6));
    let later = ada.get(&page).await;
    assert!(!later.text.contains("name=\"reason\"") && later.text.contains("href=\"/confirm?continue="));
    let refused = ada.submit(&shown, &page, &[REASON]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.says("Confirm that it is you first"), "{}", refused.text);
    assert_eq!(left(&app, BOB).await, 1);
}

#[tokio::test]
async fn nobody_reaches_above_themselves_beside_themselves_or_out_of_the_organization() {
    let Acme { app, id, mut ada, mut bob, mut dan, .. } = acme().await;
    codes(&mut bob).await;
    codes(&mut ada).await;
    let (of_bob, of_ada) = (path(&app, BOB).await, path(&app, ADA).await);
    let (of_dan, of_carol) = (path(&app, DAN).await, path(&app, CAROL).await);
    let shown = dan.get(&of_bob).await;
    assert!(shown.text.contains("name=\"reason\""), "{}", shown.text);
    let table = [
        (&of_ada, StatusCode::FORBIDDEN, "somebody who holds more than you"),
        (&of_dan, StatusCode::FORBIDDEN, "You may not do that"),
        (&of_carol, StatusCode::FORBIDDEN, "not your organization’s alone"),
    ];
    for (page, status, says) in table {
        let seen = dan.get(page).await;
        assert_eq!(seen.status, status, "{says}");
        assert!(seen.says(says) && !seen.text.contains("name=\"reason\""), "{}", seen.text);
    }
    // A member without the right, and somebody who is no member.
    let seen = bob.get(&of_ada).await;
    assert!(!seen.status.is_success() && !seen.text.contains("name=\"reason\""), "{}", seen.text);
    let mut eve = person(&app, "eve@acme.example").await;
    assert_eq!(eve.get(&of_bob).await.status, StatusCode::NOT_FOUND);
    let stranger =
        format!("/organizations/acme/members/{}/factors", account_of(&app, "eve@acme.example").await);
    assert_eq!(dan.get(&stranger).await.status, StatusCode::NOT_FOUND);
    let nonsense = dan.submit(&shown, &of_bob, &[("reason", "because")]).await;
    assert_eq!(nonsense.status, StatusCode::BAD_REQUEST);
    assert_eq!((left(&app, BOB).await, left(&app, ADA).await), (1, 1));

    // Bob works for somebody else as well: then he is not Acme's alone.
    let organizations = &app.services().organizations;
    let other = organizations.create(&TENANT, Slug::new("other").unwrap(), "Other", None).await.unwrap().id;
    let (account, roles) = (account_of(&app, BOB).await, BTreeSet::from([RoleName::member()]));
    organizations.add_member(&TENANT, other, account, roles).await.unwrap();
    let seen = dan.submit(&shown, &of_bob, &[REASON]).await;
    assert_eq!(seen.status, StatusCode::FORBIDDEN);
    assert!(seen.says("not your organization’s alone"), "{}", seen.text);
    organizations.remove_member(&TENANT, other, account).await.unwrap();

    // Who was an administrator when they looked, and is none when it is done.
    let dans = Actor::Account(account_of(&app, DAN).await);
    let holds = app.services().may_reset_member(&dans, id, account).await.unwrap();
    let roles = BTreeSet::from([RoleName::member()]);
    organizations.set_roles(&TENANT, id, account_of(&app, DAN).await, roles).await.unwrap();
    let reason = ciam_core::account::ReasonCode::new("device_lost").unwrap();
    let late = app.services().factors.reset_while(&dans, account, &reason, &holds).await;
    assert!(matches!(late, Err(ciam_mfa::manage::FactorError::Changed)), "{late:?}");
    assert_eq!(left(&app, BOB).await, 1);
}
