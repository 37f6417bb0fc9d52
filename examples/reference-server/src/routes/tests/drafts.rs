//! What is after drafts: refused by name in a build without it, and in one with it on where that is configured.

#[cfg(feature = "draft-attested-clients")]
mod attested;
#[cfg(feature = "draft-first-party-apps")]
mod challenge;
#[cfg(feature = "draft-native-sso")]
mod native_sso;
#[cfg(feature = "draft-status-list")]
mod status_lists;

use std::fs;

use clap::Parser as _;

use crate::{cli::Cli, config::Config};

/// The configuration in a file of its own, or what is wrong with it.
fn loaded(name: &str, text: &str) -> Result<Config, String> {
    let file = std::env::temp_dir().join(format!("ciam-drafts-{name}-{}.toml", std::process::id()));
    fs::write(&file, text).unwrap();
    let cli = Cli::try_parse_from(["x", "--config", file.to_str().unwrap()]).unwrap();
    let loaded = Config::load(&cli.flags);
    fs::remove_file(&file).unwrap();
    loaded.map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn a_build_without_a_draft_says_so() {
    for (key, feature, built) in [
        ("attested_clients", "draft-attested-clients", cfg!(feature = "draft-attested-clients")),
        ("authorization_challenge", "draft-first-party-apps", cfg!(feature = "draft-first-party-apps")),
        ("native_sso", "draft-native-sso", cfg!(feature = "draft-native-sso")),
    ] {
        refused_unless(built, key, feature, &format!("[oauth]\n{key} = true\n"));
    }
    let built = cfg!(feature = "draft-status-list");
    refused_unless(built, "status_lists", "draft-status-list", "[oauth.status_lists]\n");
}

fn refused_unless(built: bool, key: &str, feature: &str, text: &str) {
    let read = loaded(key, text);
    assert_eq!(read.is_ok(), built, "{key}: {read:?}");
    if let Err(why) = read {
        assert!(why.contains(feature) && why.contains(key), "{why}");
    }
}

/// The server with a configuration and what it imports.
#[cfg(any(
    feature = "draft-attested-clients",
    feature = "draft-first-party-apps",
    feature = "draft-native-sso"
))]
async fn served(name: &str, key: &str, import: &str) -> crate::app::App {
    let file = std::env::temp_dir().join(format!("ciam-drafts-{name}-{}.import.toml", std::process::id()));
    fs::write(&file, import).unwrap();
    let text = format!("demo = true\nimport = [{:?}]\n[oauth]\n{key} = true\n", file.to_str().unwrap());
    let config = loaded(name, &text).unwrap();
    fs::remove_file(&file).unwrap();
    let services = crate::testing::services(&config, &ciam_core::memory::ports()).await;
    crate::serve::start_with(config, services).await.unwrap()
}

/// An app on people's devices, for an import file: it keeps no secret, and has an address of its own scheme.
#[cfg(any(feature = "draft-first-party-apps", feature = "draft-native-sso"))]
fn device_app(id: &str, more: &str) -> String {
    format!(
        "[[clients]]\nid = \"{id}\"\nname = \"App {id}\"\nauthentication = \"none\"\n\
         redirect_uris = [\"com.example.{id}:/callback\"]\n{more}\n"
    )
}

/// Posts a form as such an app does, without cookies.
#[cfg(any(feature = "draft-first-party-apps", feature = "draft-native-sso"))]
async fn post(
    app: &crate::app::App,
    path: &str,
    form: &[(&str, &str)],
) -> (http::StatusCode, serde_json::Value) {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = http::Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    let seen = crate::testing::Browser::new(app).send(request, body).await;
    (seen.status, serde_json::from_str(&seen.text).unwrap_or_default())
}

#[cfg(any(feature = "draft-first-party-apps", feature = "draft-native-sso"))]
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Of the verifier (RFC 7636, appendix B).
#[cfg(any(feature = "draft-first-party-apps", feature = "draft-native-sso"))]
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
