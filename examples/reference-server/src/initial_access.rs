//! Giving out a token with which a client registers itself.

use anyhow::Context as _;
use ciam_core::actor::Actor;
use ciam_oauth::{AuthorizationServer, registration::InitialAccess};
use time::Duration;

/// Makes a token, which is shown once.
///
/// # Errors
///
/// Registration is off, a number is out of range, or a port fails.
pub async fn issue(server: &AuthorizationServer, name: &str, uses: u32, days: u32) -> anyhow::Result<String> {
    anyhow::ensure!(
        server.config().registration,
        "clients cannot register themselves: the configuration has no [oauth.registration]"
    );
    anyhow::ensure!((1..=10_000).contains(&uses), "a token is for 1 to 10000 clients");
    anyhow::ensure!((1..=365).contains(&days), "a token is good for 1 to 365 days");
    let access =
        InitialAccess::once().named(name).with_uses(uses).with_lifetime(Duration::days(i64::from(days)));
    let token = server.issue_initial_access(&Actor::system("command_line"), access).await;
    Ok(token.context("the token cannot be stored")?.expose().to_owned())
}
