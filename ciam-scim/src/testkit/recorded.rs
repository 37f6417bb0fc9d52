//! What directories send, and what they have to be answered: recorded, and replayed.
//!
//! Each line of the list of directory quirks (E for Microsoft Entra ID, O for Okta) is a few exchanges in an organization of
//! its own. `{name}` stands for what an exchange before has kept, `"*"` for any value, and `null` for what must not be there.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::directory::{Answer, Directory};
use super::findings::Findings;
use super::target::Target;
use crate::profile::Profile;

const ENTRA: &str = include_str!("recorded/entra.json");
const OKTA: &str = include_str!("recorded/okta.json");

#[derive(Debug, Deserialize)]
struct Line {
    line: String,
    what: String,
    profile: Profile,
    exchanges: Vec<Exchange>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    send: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Option<Value>,
    status: u16,
    /// Headers of the answer.
    #[serde(default)]
    replies: BTreeMap<String, String>,
    #[serde(default)]
    answer: Option<Value>,
    /// What is kept of the answer: a name, and where it stands.
    #[serde(default)]
    keep: BTreeMap<String, String>,
    /// Of these, no two are equal.
    #[serde(default)]
    distinct: Vec<String>,
}

/// The lines that are recorded, in order: `E1` to `E21` and `O1` to `O12`.
#[must_use]
pub fn lines() -> Vec<String> {
    let all = all().unwrap_or_default();
    all.into_iter().map(|it| it.line).collect()
}

fn all() -> Result<Vec<Line>, serde_json::Error> {
    let mut all: Vec<Line> = serde_json::from_str(ENTRA)?;
    all.extend(serde_json::from_str::<Vec<Line>>(OKTA)?);
    Ok(all)
}

/// Replays one line.
pub async fn recorded(target: &dyn Target, line: &str) -> Findings {
    let mut findings = Findings::default();
    match all() {
        Ok(all) => {
            for it in all.iter().filter(|it| it.line == line) {
                findings.row(&format!("{} ({})", it.line, it.what), replay(target, it).await);
            }
        }
        Err(error) => findings.row(line, Err(error.to_string())),
    }
    findings
}

async fn replay(target: &dyn Target, line: &Line) -> Result<(), String> {
    let directory = Directory::new(target, line.profile).await?;
    let mut kept = BTreeMap::from([("base".to_owned(), target.base().to_owned())]);
    for exchange in &line.exchanges {
        let (method, path) = exchange.send.split_once(' ').ok_or("no method")?;
        let path = filled(path, &kept);
        let headers: Vec<(&str, &str)> =
            exchange.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let typed = exchange.headers.keys().any(|name| name == "content-type");
        let answer = match &exchange.body {
            None => directory.send(method, &path, &headers, "").await?,
            Some(body) => {
                let scim = [("content-type", "application/scim+json")];
                let headers = if typed { headers } else { [&headers[..], &scim].concat() };
                directory.send(method, &path, &headers, filled_in(body, &kept).to_string()).await?
            }
        };
        let mut missing = None;
        for (name, pointer) in &exchange.keep {
            match answer.body.pointer(pointer).and_then(Value::as_str) {
                Some(value) => drop(kept.insert(name.clone(), value.to_owned())),
                None => missing = Some(format!("{}: nothing at {pointer}", exchange.send)),
            }
        }
        check(exchange, &answer, &kept).map_err(|it| format!("{}: {it}", exchange.send))?;
        if let Some(missing) = missing {
            return Err(missing);
        }
        let named: BTreeSet<&String> = exchange.distinct.iter().filter_map(|name| kept.get(name)).collect();
        if named.len() != exchange.distinct.len() {
            return Err(format!("of {:?} some are equal", exchange.distinct));
        }
    }
    Ok(())
}

fn check(exchange: &Exchange, answer: &Answer, kept: &BTreeMap<String, String>) -> Result<(), String> {
    if answer.status != exchange.status {
        return Err(format!("{} {}, not {}", answer.status, answer.body, exchange.status));
    }
    for (name, value) in &exchange.replies {
        let (found, value) = (answer.header(name), filled(value, kept));
        if found != value {
            return Err(format!("`{name}` is {found}, not {value}"));
        }
    }
    match &exchange.answer {
        Some(expected) => {
            let mut differences = String::new();
            compare(expected, &answer.body, "", kept, &mut differences);
            if differences.is_empty() { Ok(()) } else { Err(format!("{differences} in {}", answer.body)) }
        }
        None if answer.status == 204 && !answer.body.is_null() => Err("204 has a body".to_owned()),
        None => Ok(()),
    }
}

/// Writes down in what an answer is not as expected. There are as many levels as the recording has.
fn compare(expected: &Value, found: &Value, at: &str, kept: &BTreeMap<String, String>, out: &mut String) {
    match (expected, found) {
        (Value::Object(members), Value::Object(_)) => {
            for (name, value) in members {
                match (value, found.get(name)) {
                    (Value::Null, None) => {}
                    (Value::Null, Some(_)) => out.push_str(&format!("{at}/{name} is there; ")),
                    (value, Some(found)) => compare(value, found, &format!("{at}/{name}"), kept, out),
                    (_, None) => out.push_str(&format!("{at}/{name} is missing; ")),
                }
            }
        }
        (Value::Array(expected), Value::Array(found)) => {
            if expected.len() != found.len() {
                out.push_str(&format!("{at} has {} elements, not {}; ", found.len(), expected.len()));
            }
            for (n, (expected, found)) in expected.iter().zip(found).enumerate() {
                compare(expected, found, &format!("{at}/{n}"), kept, out);
            }
        }
        (Value::String(text), found) => {
            let any = text == "*" && !found.is_null();
            if !any && found.as_str() != Some(&filled(text, kept)) {
                out.push_str(&format!("{at} is {found}, not {text}; "));
            }
        }
        (expected, found) => {
            if expected != found {
                out.push_str(&format!("{at} is {found}, not {expected}; "));
            }
        }
    }
}

fn filled(text: &str, kept: &BTreeMap<String, String>) -> String {
    kept.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

fn filled_in(value: &Value, kept: &BTreeMap<String, String>) -> Value {
    match value {
        Value::String(text) => Value::String(filled(text, kept)),
        Value::Array(values) => values.iter().map(|it| filled_in(it, kept)).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, it)| (name.clone(), filled_in(it, kept))).collect())
        }
        other => other.clone(),
    }
}
