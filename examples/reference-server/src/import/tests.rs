use ciam_oauth::client::GrantType;

use super::*;
use crate::document::{Document, Format};

fn read(text: &str) -> Result<Import, Vec<String>> {
    Import::from_document(Document::new("x.toml", text, Format::Toml))
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// The demo file with one line replaced, which must be refused for exactly one reason.
fn refused(line: &str, instead: &str) -> String {
    assert!(DEMO.contains(line), "{line}");
    let mut problems = read(&DEMO.replacen(line, instead, 1)).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems.remove(0)
}

#[test]
fn the_demo_is_a_valid_file() {
    let import = read(DEMO).unwrap();
    let [client] = import.content().clients.as_slice() else { panic!("one client") };
    assert_eq!(client.redirect_uris[0].as_str(), "http://localhost:8081/callback");
    assert!(!client.first_party);
    assert!(client.grants.contains(&GrantType::RefreshToken));
}

#[test]
fn a_secret_is_not_printed() {
    let printed = format!("{:?}", read(DEMO).unwrap());
    assert!(!printed.contains("lantern") && !printed.contains("demo-secret"), "{printed}");
}

#[test]
fn each_rule_names_line_and_key() {
    let redirect = "redirect_uris = [\"http://localhost:8081/callback\"]";
    let secret = "secret = \"relying-party-demo-secret-not-for-production\"";
    let password = "password = \"quiet-river-lantern-42\"";
    for (line, instead, expected) in [
        ("id = \"relying-party\"", "id = \"two words\"", "4: clients[0].id: not a valid client id"),
        ("name = \"Relying Party\"", "name = \" \"", "5: clients[0].name: must be 1 to 200"),
        ("\"client_secret_basic\"", "\"none\"", "6: clients[0].authentication: goes with none"),
        (
            "\"client_secret_basic\"",
            "\"private_key_jwt\"",
            "6: clients[0].authentication: goes with private_key_jwt",
        ),
        ("\"client_secret_basic\"", "\"magic\"", "6: clients[0].authentication: unknown variant `magic`"),
        (secret, "", "6: clients[0].authentication: goes with a client secret"),
        (secret, "secret = \"short\"", "7: clients[0].secret: a client secret needs 43"),
        (secret, "secret_env = \"NOT_SET_ANYWHERE\"", "7: clients[0].secret_env: the variable"),
        (secret, "secret = 1234567890", "7: clients[0].secret: must be a text"),
        (redirect, "redirect_uris = []", "8: clients[0].redirect_uris: is needed"),
        (
            redirect,
            "redirect_uris = [\n\"/callback\"]",
            "9: clients[0].redirect_uris[0]: the redirect URI is not absolute",
        ),
        (
            redirect,
            "redirect_uris = [\"https://a.example/#x\"]",
            "8: clients[0].redirect_uris[0]: the redirect URI has a frag",
        ),
        (
            redirect,
            "redirect_uris = [\"https://*.a.example/\"]",
            "8: clients[0].redirect_uris[0]: must not have wild",
        ),
        (
            redirect,
            "redirect_uris = [\"http://a.example/\"]",
            "8: clients[0].redirect_uris[0]: the redirect URI is plain http",
        ),
        (
            redirect,
            "redirect_uris = [\"javascript:alert(1)\"]",
            "8: clients[0].redirect_uris[0]: the redirect URI has a scheme",
        ),
        (
            "scopes = [\"openid\"",
            "grants = [\"refresh_token\"]\nscopes = [\"openid\"",
            "10: clients[0].grants: refresh",
        ),
        ("scopes = [\"openid\"", "scopes = [\" \"", "10: clients[0].scopes[0]: "),
        ("scopes = [\"openid\"", "scope = [\"openid\"", "10: clients[0].scope: unknown field `scope`"),
        ("resources = [\"http://localhost:8082\"]", "resources = [\"x\"]", "11: clients[0].resources[0]: "),
        ("id = \"http://localhost:8082\"", "id = \"http://a/#b\"", "15: resources[0].id: "),
        (
            "email = \"demo@example.com\"\n",
            "email = \"demo\"\n",
            "19: accounts[0].email: is not an email address",
        ),
        ("given_name = \"Dana\"", "username = \"@\"", "21: accounts[0].username: must be 2 to 64"),
        ("given_name = \"Dana\"", "phone = \"12\"", "21: accounts[0].phone: is not a phone number"),
        (password, "password_hash = \"md5\"", "23: accounts[0].password_hash: is not a PHC string"),
        (password, "password = \"\"", "23: accounts[0].password: must be a text"),
        ("slug = \"example\"", "slug = \"Ex\"", "26: organizations[0].slug: a slug has"),
        ("roles = [\"owner\"]", "roles = [\"Owner!\"]", "28: organizations[0].members[0].roles: a role name"),
    ] {
        let found = refused(line, instead);
        assert!(found.starts_with(&format!("x.toml:{expected}")), "{instead}\n  gave {found}");
    }
}

#[test]
fn two_entries_do_not_name_the_same_thing() {
    let twice = format!("{DEMO}\n{}", DEMO.replace("demo@example.com", "DEMO@EXAMPLE.com"));
    let problems = read(&twice).unwrap_err();
    let keys: Vec<_> = problems.iter().map(|it| it.split(": ").nth(1).unwrap()).collect();
    let lists = ["clients[1].id", "resources[1].id", "accounts[1].email", "organizations[1].slug"];
    assert_eq!(keys, [&lists[..], &["purposes[1].id"]].concat());
}

#[test]
fn a_purpose_has_a_name_for_records_and_words_for_people() {
    for (line, instead, expected) in [
        ("id = \"newsletter\"", "id = \"News letter\"", "purposes[0].id: must be 1 to 64 lower-case"),
        ("version = \"1\"", "version = \" \"", "purposes[0].version: must have 1 to 64 characters"),
        ("title = \"Newsletter\"", "title = \"\"", "purposes[0].title: must have 1 to 128 characters"),
        ("translations.de]", "translations.xx]", "purposes[0].translations.xx: is not a language"),
    ] {
        let found = read(&DEMO.replacen(line, instead, 1)).unwrap_err();
        assert!(found.iter().any(|it| it.contains(expected)), "{instead}\n  gave {found:?}");
    }
}

#[test]
fn every_problem_is_reported_at_once() {
    let broken =
        DEMO.replace("name = \"Relying Party\"", "name = \"\"").replace("slug = \"example\"", "slug = \"\"");
    assert_eq!(read(&broken).unwrap_err().len(), 2);
}

#[test]
fn two_ways_to_give_a_password_are_one_too_many() {
    let found = refused("given_name = \"Dana\"", "password_hash = \"$argon2id$\"");
    assert!(found.starts_with("x.toml:18: accounts[0]: at most one of"), "{found}");
}

#[test]
fn json_says_the_same() {
    let text = r#"{
  "clients": [
    {"id": "a", "name": "A", "authentication": "none",
     "redirect_uris": ["https://a.example/cb",
       "http://b.example/cb"]}
  ]
}"#;
    let problems = Import::from_document(Document::new("x.json", text, Format::Json)).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "x.json:5: clients[0].redirect_uris[1]: the redirect URI is plain http to another machine"
    );
}

#[test]
fn attributes_are_declared_in_the_file_and_judged_when_it_is_read() {
    let good = r#"
        [attributes.plan]
        type = { one_of = ["basic", "pro"] }
        required = ["at_sign_up", { after_days = 30 }]
        label = "plan"

        [attributes.tax_id]
        type = { text = { max = 20 } }
        sensitive = true
        writers = { owner = false }

        [[accounts]]
        email = "ada@example.com"
        attributes = { plan = "pro" }
    "#;
    let import = read(good).unwrap();
    let schema = attribute_schema(&[import]);
    assert_eq!(schema.sensitive().collect::<Vec<_>>(), ["tax_id"]);
    assert!(schema.get("given_name").is_some() && !schema.get("tax_id").unwrap().writers.owner);
    for (bad, place) in [
        ("[attributes.email]\ntype = \"date\"", "attributes.email"),
        ("[attributes.x]\ntype = { one_of = [] }", "attributes.x"),
        ("[attributes.x]\ntype = \"colour\"", "attributes.x"),
        ("[attributes.x]\ntype = \"date\"\nrequird = []", "attributes.x"),
    ] {
        let problems = read(bad).unwrap_err();
        assert!(format!("{problems:?}").contains(place), "{bad}: {problems:?}");
    }
}

#[test]
fn each_rule_of_webhooks_names_its_key() {
    let entry = "[[webhooks]]\nid = \"crm\"\nurl = \"https://crm.example/\"\n";
    let secret = "secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n";
    let whole = format!("{entry}{secret}");
    assert_eq!(read(&whole).unwrap().content().webhooks.len(), 1);
    assert!(!format!("{:?}", read(&whole).unwrap()).contains("MfKQ"), "a secret is not printed");
    for (text, expected) in [
        (entry.to_owned(), "webhooks[0]: exactly one of `secret` and `secret_env`"),
        (whole.replace("\"crm\"", "\"C R M\""), "webhooks[0].id: a webhook's id"),
        (whole.replace("whsec_", "secret_"), "webhooks[0].secret: a webhook secret is"),
        (format!("{whole}events = [\"ciam.acc*\"]\n"), "webhooks[0].events[0]: an event filter"),
        (format!("{entry}secret_env = \"NOT_SET_ANYWHERE\"\n"), "webhooks[0].secret_env: the variable"),
        (format!("{whole}{whole}"), "webhooks[1].id: an entry above has the same value"),
        (format!("{whole}retries = 3\n"), "webhooks[0].retries: unknown field"),
    ] {
        let problems = read(&text).unwrap_err();
        assert!(problems.len() == 1 && problems[0].contains(expected), "{expected}: {problems:?}");
    }
}
