//! Bad input, groups 1 and 3: filters, and spellings of one name.

use serde_json::json;

use super::directory::Directory;
use super::target::Target;
use crate::profile::Profile;
use crate::schema::USER;

/// Filters, each with its answer.
pub(super) async fn filters(target: &dyn Target) -> Result<(), String> {
    let directory = Directory::new(target, Profile::Interop).await?;
    directory.user("kim").await?;
    let before = directory.everything().await?;
    for (filter, status, kind, total) in rows() {
        let shown: String = filter.chars().take(50).collect();
        let body =
            json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter });
        let answer = directory.json("POST", "/Users/.search", &body).await?;
        if status == 200 {
            let found = answer.body.get("totalResults").cloned().unwrap_or_default();
            if answer.status != 200 || found != json!(total) {
                return Err(format!("{shown}: {} {}, not {total} found", answer.status, answer.body));
            }
        } else {
            answer.is_error(status, kind).map_err(|it| format!("{shown}: {it}"))?;
        }
    }
    directory.unchanged(&before, "a filter").await?;
    members(&directory).await
}

/// What is asked of members, which are not read for it.
async fn members(directory: &Directory<'_>) -> Result<(), String> {
    let kim = directory.user("member").await?;
    directory.group("Empty", &[]).await?;
    directory.group("Ops", &[&kim]).await?;
    for (filter, status, kind, total) in of_members() {
        let answer = directory.get(&format!("/Groups?filter={filter}")).await?;
        if status != 200 {
            answer.is_error(status, kind).map_err(|it| format!("{filter}: {it}"))?;
        } else if answer.body.get("totalResults") != Some(&json!(total)) {
            return Err(format!("{filter}: {} {}, not {total} found", answer.status, answer.body));
        }
    }
    Ok(())
}

fn of_members() -> [(&'static str, u16, &'static str, usize); 8] {
    [
        ("members pr", 200, "", 1),
        // RFC 7643 has this name, which the grammar of RFC 7644 forgot.
        ("members.$ref pr", 200, "", 1),
        ("not (members.$ref pr)", 200, "", 1),
        ("members[$ref pr]", 200, "", 1),
        ("members.value eq \"nobody\"", 200, "", 0),
        ("members.type eq \"User\"", 400, "invalidFilter", 0),
        ("members co \"0\"", 400, "invalidFilter", 0),
        ("members.$ref eq \"x\"", 400, "invalidFilter", 0),
    ]
}

/// The filter, the status, the kind of the error, and how many match.
fn rows() -> Vec<(String, u16, &'static str, usize)> {
    let nested = |n: usize| format!("{}userName pr{}", "(".repeat(n), ")".repeat(n));
    let good = |text: &str, total: usize| (text.to_owned(), 200, "", total);
    let bad = |text: &str| (text.to_owned(), 400, "invalidFilter", 0);
    vec![
        good(&nested(15), 1),
        good(&nested(22), 1),
        good(&nested(64), 1),
        bad(&nested(65)),
        bad(&nested(10_000)),
        bad(&"not (".repeat(1_000)),
        bad("emails[type[a eq 1]]"),
        bad("emails[addresses[type eq \"x\"]]"),
        good(&vec!["userName pr"; 1_024].join(" or "), 1),
        bad(&vec!["userName pr"; 1_025].join(" or ")),
        bad(&format!("userName eq \"{}\"", "x".repeat(64 << 10))),
        bad("userName pr and"),
        bad("userName pr and "),
        bad("userName eq \"unterminated"),
        bad("userName eq \"\\u0000\""),
        bad("userName eq \"\\ud800\""),
        good("userName eq \"\\\"\"", 0),
        bad("userName pr garbage"),
        bad("userName pr) or (userName pr"),
        bad("userName eq 'x'"),
        bad("a.b.c eq 1"),
        bad("userName"),
        bad(""),
        bad("eq \"x\""),
        good("userName EQ \"KIM\"", 1),
        good("Not(userName pr)", 0),
        good("userName\teq  \"kim\"", 1),
        bad("userName eq 1e400"),
        bad("userName eq -0"),
        bad("userName eq 9223372036854775808"),
        bad("active gt true"),
        bad("meta.created gt \"yesterday\""),
        bad("meta.created co \"2026\""),
        good("meta.lastModified lt \"2999-01-01T00:00:00+02:00\"", 1),
        good("meta.lastModified lt \"2999-01-01T00:00:00\"", 1),
        (String::from("password eq \"x\""), 403, "sensitive", 0),
        (String::from("password pr"), 403, "sensitive", 0),
        bad("unknown eq 1"),
        bad("groups.display eq \"x\""),
    ]
}

/// Two spellings of one name are one name, to the index, to whoever looks at everybody, and to uniqueness.
pub(super) async fn spellings(target: &dyn Target) -> Result<(), String> {
    let directory = Directory::new(target, Profile::Interop).await?;
    for (name, same, other) in [
        ("Straße", "STRASSE", "Strase"),
        ("Zoe\u{301}", "ZO\u{c9}", "Zoe"),
        ("\u{ff21}da", "ada", "\u{3b1}da"),
        ("ΟΔΟΣ", "οδος", "οδο"),
        ("Ian", "IAN", "\u{131}an"),
        ("a\u{200d}b", "A\u{200d}B", "ab"),
    ] {
        directory.user(name).await?;
        let body = json!({ "schemas": [USER], "userName": same });
        directory.json("POST", "/Users", &body).await?.is_error(409, "uniqueness")?;
        for (filter, expected) in [
            (format!("userName eq \"{same}\""), 1),
            (format!("userName eq \"{other}\""), 0),
            (format!("userName sw \"{same}\" and userName ew \"{same}\""), 1),
            (format!("userName co \"{same}\" and not (userName ne \"{same}\")"), 1),
        ] {
            let found = directory.get(&format!("/Users?filter={filter}")).await?;
            if found.body.get("totalResults") != Some(&json!(expected)) {
                return Err(format!("{name}, {filter}: {}", found.body));
            }
        }
    }
    let nul = json!({ "schemas": [USER], "userName": "a\u{0}" });
    directory.json("POST", "/Users", &nul).await?.is_error(400, "invalidValue")
}
