//! What an operator does for a person from the command line: take the factors away that they have lost, and say what their
//! sign-ins need.

use anyhow::Context as _;
use ciam_core::{
    account::{AccountDemand, IdentifierKey, ReasonCode},
    actor::Actor,
    assurance::Acr,
    id::AccountId,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{cli::Demanded, services::Services};

/// Takes every factor but the password from an account, and says how many.
///
/// # Errors
///
/// There is no such account, nothing else leads into it, the reason is no code, or a port fails.
pub async fn reset_factors(services: &Services, account: &str, reason: &str) -> anyhow::Result<String> {
    let id = named(services, account).await?;
    let reason = ReasonCode::new(reason)?;
    let mut taken = 0;
    // One call takes as many as fit into one commit.
    loop {
        match services.factors.reset(&command_line(), id, &reason).await? {
            0 => break,
            some => taken += some,
        }
    }
    Ok(format!("{id}: {taken} factors are taken away, and every session is over"))
}

/// Says what the sign-ins of an account need beside what everybody's do.
///
/// # Errors
///
/// There is no such account, a factor or level is unknown, the time is none, or a port fails.
pub async fn demand(services: &Services, account: &str, demanded: &Demanded) -> anyhow::Result<String> {
    let id = named(services, account).await?;
    let nothing = demanded.factors.is_empty() && demanded.acr.is_none();
    let mut demand = AccountDemand::new().with_any_of(demanded.factors.iter().cloned());
    if let Some(text) = &demanded.until {
        let until = OffsetDateTime::parse(text, &Rfc3339);
        demand = demand.with_until(until.with_context(|| format!("`{text}` is not a time of RFC 3339"))?);
    }
    for factor in &demanded.factors {
        let known = services.further.iter().any(|it| it.name() == factor.as_str());
        anyhow::ensure!(known, "there is no factor `{factor}`");
    }
    if let Some(name) = &demanded.acr {
        let acr = Acr::new(name.as_str());
        let known = services.journeys.policy().ladder.level(&acr).is_some();
        anyhow::ensure!(known, "there is no level of assurance `{name}`");
        demand = demand.with_acr(acr);
    }
    services.accounts.demand(id, &command_line(), (!nothing).then_some(demand)).await?;
    Ok(if nothing {
        format!("{id}: nothing is demanded beside what is demanded of everybody")
    } else {
        format!("{id}: it is demanded at the next sign-in")
    })
}

/// The account with this id or address.
async fn named(services: &Services, account: &str) -> anyhow::Result<AccountId> {
    if let Ok(id) = account.parse() {
        return Ok(id);
    }
    let key = IdentifierKey::email(account);
    let key = key.with_context(|| format!("`{account}` is neither the id nor the address of an account"))?;
    let found = services.ports.store().account_by_identifier(&key).await?;
    Ok(found.with_context(|| format!("nobody has the address `{account}`"))?.value.id)
}

const fn command_line() -> Actor {
    Actor::system("command_line")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ciam_core::{audit::AuditLog, notify::Notifier, relay::Relay, store::PageRequest};

    use serde_json::json;

    use super::*;
    use crate::{
        api::BASE,
        privacy::audit_sink,
        testing::{Browser, PASSWORD, account_of, app, person, sign_in},
    };

    const ADA: &str = "ada@example.com";

    #[tokio::test]
    async fn a_reset_is_in_the_audit_log_and_in_a_letter_and_signs_everybody_out() {
        let app = app(&[]).await;
        let mut browser = person(&app, ADA).await;
        let request = http::Request::builder()
            .method("PUT")
            .uri(format!("{BASE}/recovery-codes"))
            .header("origin", "http://localhost:8080")
            .header("content-type", "application/json");
        assert!(browser.send(request, "{}").await.status.is_success());
        let said = reset_factors(app.services(), ADA, "lost_phone").await.unwrap();
        assert!(said.ends_with("1 factors are taken away, and every session is over"), "{said}");
        assert_eq!(browser.get("/account").await.path, "/sign-in");

        let catcher = app.catcher().unwrap();
        let relay = Relay::new(app.ports().clone(), Arc::clone(catcher) as Arc<dyn Notifier>);
        relay.with_sink(audit_sink(app.ports())).deliver_pending().await.unwrap();
        let letters = catcher.messages();
        assert!(letters.iter().any(|it| it.to == ADA), "the owner is told");
        let subject = format!("account:{}", account_of(&app, ADA).await);
        let log = AuditLog::new(app.ports().clone());
        let entries = log.entries_about(&subject, PageRequest::first(100)).await.unwrap().items;
        let reset = entries.iter().find(|it| it.event_type == "ciam.factor.reset.v1").unwrap();
        assert_eq!(
            (&reset.data["by"], &reset.data["reason"], &reset.data["factors"]),
            (&json!("system:command_line"), &json!("lost_phone"), &json!(["recovery_code"]))
        );
        sign_in(&mut browser, ADA, PASSWORD).await;
        let page = browser.get("/account/privacy/activity").await;
        assert!(page.says("Passkeys and codes taken away by an administrator"), "{}", page.text);
        for (account, reason) in [("nobody@example.com", "x"), ("…", "x"), (ADA, "Not a code")] {
            assert!(reset_factors(app.services(), account, reason).await.is_err(), "{account} {reason}");
        }
    }

    #[tokio::test]
    async fn what_is_demanded_of_one_account_is_asked_of_it_and_of_nobody_else() {
        let app = app(&[]).await;
        person(&app, ADA).await;
        person(&app, "bob@example.com").await;
        let demanded = |factors: &[&str]| Demanded {
            factors: factors.iter().map(ToString::to_string).collect(),
            ..Demanded::default()
        };
        demand(app.services(), ADA, &demanded(&["totp"])).await.unwrap();
        let mut browser = Browser::new(&app);
        let page = browser.get("/sign-in").await;
        let fields = [("identifier", ADA), ("password", PASSWORD)];
        let choice = browser.submit(&page, "/sign-in", &fields).await;
        assert!(choice.path.starts_with("/enrol?") && choice.says("Add one more factor"), "{}", choice.text);
        assert_eq!(browser.get("/account").await.path, "/sign-in");
        sign_in(&mut Browser::new(&app), "bob@example.com", PASSWORD).await;
        demand(app.services(), ADA, &demanded(&[])).await.unwrap();
        sign_in(&mut Browser::new(&app), ADA, PASSWORD).await;
        let bad = [demanded(&["pigeon"]), Demanded { acr: Some("gold".to_owned()), ..Demanded::default() }];
        for bad in bad {
            assert!(demand(app.services(), ADA, &bad).await.is_err(), "{bad:?}");
        }
    }
}
