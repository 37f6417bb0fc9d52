use std::collections::BTreeSet;
use std::fmt::Write as _;

use time::format_description::well_known::Iso8601;
use url::Url;

use super::*;

/// Every address of a row, its values filled in with something.
fn addresses(row: &KnownProvider) -> Vec<String> {
    let mut all = Vec::new();
    match &row.protocol {
        Protocol::OpenId(place) => {
            all.push(place.issuer);
            all.extend(place.discovery);
        }
        Protocol::OAuth(place) => {
            all.extend([place.issuer, place.authorization_endpoint, place.token_endpoint, place.profile]);
            if let EmailPlace::List { url, .. } = place.email {
                all.push(url);
            }
        }
    }
    let fill = |text: &str| {
        let filled = row.values.iter().fold(text.to_owned(), |text, value| {
            text.replace(&format!("{{{}}}", value.name), value.default.unwrap_or("x"))
        });
        filled.replace("{tenantid}", "x")
    };
    all.into_iter().map(fill).collect()
}

#[test]
fn every_row_can_be_relied_on() {
    let (mut ids, mut places) = (BTreeSet::new(), BTreeSet::new());
    for row in KnownProvider::all() {
        let id = row.id;
        assert!(ids.insert(id), "{id} is there twice");
        assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{id}");
        assert!(!row.name.is_empty() && row.name.trim() == row.name, "{id}");
        for address in addresses(row) {
            let url = Url::parse(&address).unwrap();
            assert!(url.scheme() == "https" && !address.contains(['{', '}', ' ']), "{id}: {address}");
        }
        // Two rows at the same place would be one; with values, each host has a place of its own.
        let issuer = match &row.protocol {
            Protocol::OpenId(place) => (place.issuer, place.discovery),
            Protocol::OAuth(place) => (place.issuer, None),
        };
        assert!(!row.values.is_empty() || places.insert(issuer), "{id}: {issuer:?} is another row's");
        let words = row.scope.split(' ');
        match &row.protocol {
            Protocol::OpenId(_) => assert!(words.clone().any(|word| word == "openid"), "{id}"),
            Protocol::OAuth(_) => assert!(words.clone().all(|word| word != "openid"), "{id}"),
        }
        assert!(row.scope.is_empty() || words.clone().all(|word| !word.is_empty()), "{id}");
        for value in row.values {
            let used = match &row.protocol {
                Protocol::OpenId(place) => place.issuer.to_owned(),
                Protocol::OAuth(place) => place.token_endpoint.to_owned(),
            };
            assert!(used.contains(&format!("{{{}}}", value.name)), "{id}: {} is not used", value.name);
        }
        assert!(!row.sources.is_empty(), "{id} says nowhere where it was read");
        for source in row.sources {
            assert_eq!(Url::parse(source.url).unwrap().scheme(), "https", "{id}");
            time::Date::parse(source.date, &Iso8601::DATE).unwrap();
            assert!(source.date.len() == 10 && source.date >= "2020-01-01", "{id}: {}", source.date);
        }
        for quirk in row.quirks {
            assert!(quirk.ends_with('.') && !quirk.contains(['|', '\n']), "{id}: {quirk}");
        }
        assert_eq!(KnownProvider::find(id).unwrap().id, id);
    }
    assert!(KnownProvider::find("nobody").is_none());
}

/// Those that an application expects at least.
#[test]
fn the_usual_ones_are_there() {
    for id in [
        "google",
        "apple",
        "microsoft",
        "microsoft-work",
        "microsoft-personal",
        "entra",
        "github",
        "github-enterprise",
        "gitlab",
        "facebook",
        "linkedin",
        "okta",
        "auth0",
        "ping",
        "keycloak",
        "discord",
        "slack",
        "x",
        "amazon",
        "cognito",
        "salesforce",
        "twitch",
        "yahoo",
        "line",
        "kakao",
        "bitbucket",
        "dropbox",
        "spotify",
        "zoom",
        "reddit",
    ] {
        assert!(KnownProvider::find(id).is_some(), "{id}");
    }
}

/// The table of the manual, made of the data.
fn table() -> String {
    let mut text = String::from(
        "//! | id | provider | speaks | values | client | PKCE | scope | address believed | sources |\n\
         //! | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in KnownProvider::all() {
        let (speaks, email) = match &row.protocol {
            Protocol::OpenId(place) => ("OpenID Connect", openid_email(place.email)),
            Protocol::OAuth(place) => ("OAuth 2.0", oauth_email(place.email)),
        };
        let values: Vec<String> = row
            .values
            .iter()
            .map(|value| match value.default {
                Some(default) => format!("`{}` (`{default}`)", value.name),
                None => format!("`{}`", value.name),
            })
            .collect();
        let client = match row.authentication {
            ClientProof::Basic => "basic",
            ClientProof::Post => "post",
            ClientProof::Signed { .. } => "signed secret",
        };
        let pkce = match row.pkce {
            Pkce::Checked => "S256",
            Pkce::Unstated => "sent",
            Pkce::Refused => "none",
        };
        let sources: Vec<String> = row
            .sources
            .iter()
            .map(|source| {
                let how = if source.dated == Dated::Read { "read" } else { "of" };
                format!("[{how} {}]({})", source.date, source.url)
            })
            .collect();
        let scope = if row.scope.is_empty() { "–".to_owned() } else { format!("`{}`", row.scope) };
        let _infallible = writeln!(
            text,
            "//! | `{}` | {} | {speaks} | {} | {client} | {pkce} | {scope} | {email} | {} |",
            row.id,
            row.name,
            values.join(", "),
            sources.join(", ")
        );
    }
    text.push_str("//!\n//! In what each is not like the others:\n//!\n");
    for row in KnownProvider::all().into_iter().filter(|row| !row.quirks.is_empty()) {
        let _infallible = writeln!(text, "//! - `{}`: {}", row.id, row.quirks.join(" "));
    }
    text
}

const fn openid_email(rule: EmailRule) -> &'static str {
    match rule {
        EmailRule::Claimed => "`email_verified`",
        EmailRule::ClaimedOrText => "`email_verified`, a text too",
        EmailRule::Hosted => "`email_verified`, of `@gmail.com` or with `hd`",
        EmailRule::DomainOwnerVerified => "`xms_edov`",
        EmailRule::Never => "never",
    }
}

const fn oauth_email(place: EmailPlace) -> &'static str {
    match place {
        EmailPlace::Nowhere => "there is none",
        EmailPlace::Unverified(_) => "never",
        EmailPlace::Verified(_) => "always",
        EmailPlace::Flagged { .. } => "when a flag says so",
        EmailPlace::List { .. } => "the primary one, when verified",
    }
}

/// With `CIAM_BLESS` set, the page is written instead of compared.
#[test]
fn the_manual_has_the_table_as_it_is() {
    const START: &str = "//! <!-- table -->\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/manual/_02_providers.rs");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, found) = page.split_once(START).unwrap();
    if std::env::var_os("CIAM_BLESS").is_some() {
        std::fs::write(path, format!("{before}{START}{}", table())).unwrap();
        return;
    }
    assert_eq!(found, table(), "run the test with CIAM_BLESS=1");
}
