//! Filters and patches against `scim2-models`, which others wrote: thousands of generated cases, each answered by both.

use std::io::Write as _;
use std::process::{Command, Stdio};

use ciam_scim::error::ScimType;
use ciam_scim::filter::{BindPolicy, Filter};
use ciam_scim::patch::Patch;
use ciam_scim::profile::Profile;
use ciam_scim::schema::ResourceType;
use serde_json::{Map, Value, json};

use crate::peers::python;
use crate::world::{ENTERPRISE, USER, patch_of};

/// A generator of numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let at = self.below(of.len() as u64);
        of.get(usize::try_from(at).unwrap()).unwrap()
    }

    fn chance(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }
}

const TEXTS: [&str; 5] = ["kim", "Kim", "ann", "an", "Zoe X"];
const ADDRESSES: [&str; 4] = ["kim@x.example", "bob@x.example", "ann@y.example", "zoe@x.example"];
const TYPES: [&str; 3] = ["work", "home", "other"];

fn email(dice: &mut Dice) -> Value {
    let mut email = Map::new();
    email.insert("value".into(), json!(dice.one(&ADDRESSES)));
    if !dice.chance(4) {
        email.insert("type".into(), json!(dice.one(&TYPES)));
    }
    Value::Object(email)
}

fn user(dice: &mut Dice) -> Map<String, Value> {
    let mut user = Map::new();
    user.insert("schemas".into(), json!([USER, ENTERPRISE]));
    user.insert("userName".into(), json!(dice.one(&TEXTS)));
    for name in ["title", "nickName", "displayName"] {
        if dice.chance(2) {
            user.insert(name.into(), json!(dice.one(&TEXTS)));
        }
    }
    if dice.chance(2) {
        user.insert("active".into(), json!(dice.chance(2)));
    }
    if dice.chance(2) {
        user.insert("name".into(), json!({ "familyName": dice.one(&TEXTS), "givenName": dice.one(&TEXTS) }));
    }
    let mut emails: Vec<Value> = Vec::new();
    for _ in 0..dice.below(4) {
        let next = email(dice);
        if !emails.contains(&next) {
            emails.push(next);
        }
    }
    if !emails.is_empty() {
        user.insert("emails".into(), json!(emails));
    }
    if dice.chance(2) {
        user.insert(ENTERPRISE.into(), json!({ "department": dice.one(&TEXTS) }));
    }
    user
}

fn comparison(dice: &mut Dice, within: bool) -> String {
    let texts = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"];
    let (path, values): (String, &[&str]) = if within {
        let name = *dice.one(&["type", "value"]);
        (name.to_owned(), if name == "type" { &TYPES } else { &ADDRESSES })
    } else {
        match dice.below(8) {
            0 => ("emails.type".into(), &TYPES),
            1 => ("emails.value".into(), &ADDRESSES),
            2 => ("name.familyName".into(), &TEXTS),
            3 => (format!("{ENTERPRISE}:department"), &TEXTS),
            4 => return format!("active {} {}", dice.one(&["eq", "ne"]), dice.one(&["true", "false"])),
            _ => ((*dice.one(&["userName", "title", "nickName", "displayName"])).to_owned(), &TEXTS),
        }
    };
    if dice.chance(6) {
        return format!("{path} pr");
    }
    format!("{path} {} \"{}\"", dice.one(&texts), dice.one(values))
}

fn filter(dice: &mut Dice, depth: u32) -> String {
    match dice.below(if depth == 0 { 3 } else { 7 }) {
        0 | 1 => comparison(dice, false),
        2 => {
            let mut inner = comparison(dice, true);
            for _ in 0..dice.below(3) {
                inner = format!("{inner} {} {}", dice.one(&["and", "or"]), comparison(dice, true));
            }
            format!("emails[{inner}]")
        }
        3 => format!("not ({})", filter(dice, depth - 1)),
        4 => format!("({})", filter(dice, depth - 1)),
        5 => format!("{} and {}", filter(dice, depth - 1), filter(dice, depth - 1)),
        _ => format!("{} or {}", filter(dice, depth - 1), filter(dice, depth - 1)),
    }
}

fn operation(dice: &mut Dice) -> Value {
    let op = *dice.one(&["add", "replace"]);
    match dice.below(11) {
        0 => json!({ "op": op, "path": "userName", "value": dice.one(&TEXTS) }),
        1 | 2 => {
            json!({ "op": op, "path": dice.one(&["title", "nickName", "displayName"]), "value": dice.one(&TEXTS) })
        }
        3 => {
            json!({ "op": "remove", "path": dice.one(&["title", "nickName", "name", "emails", "name.givenName"]) })
        }
        4 => json!({ "op": op, "path": "name.givenName", "value": dice.one(&TEXTS) }),
        5 => json!({ "op": op, "path": "name", "value": { "givenName": dice.one(&TEXTS) } }),
        6 => json!({ "op": op, "path": "emails", "value": [email(dice)] }),
        7 => {
            json!({ "op": "replace", "path": format!("emails[type eq \"{}\"].value", dice.one(&TYPES)), "value": dice.one(&ADDRESSES) })
        }
        8 => json!({ "op": "remove", "path": format!("emails[type eq \"{}\"]", dice.one(&TYPES)) }),
        9 => json!({ "op": op, "path": format!("{ENTERPRISE}:department"), "value": dice.one(&TEXTS) }),
        _ => json!({ "op": op, "value": { "title": dice.one(&TEXTS), "active": dice.chance(2) } }),
    }
}

/// What the oracle answers to each case.
fn ask(python: &std::path::Path, cases: &[Value]) -> Vec<Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/oracle/oracle.py");
    let mut child =
        Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn filters_mean_what_they_mean_to_others() {
    let Some(python) = python() else { return };
    let mut dice = Dice(20_261_126);
    let kind = ResourceType::user();
    let cases: Vec<(String, Map<String, Value>)> =
        (0..10_000).map(|_| (filter(&mut dice, 3), user(&mut dice))).collect();
    let asked: Vec<Value> =
        cases.iter().map(|(filter, user)| json!({ "filter": filter, "user": user })).collect();
    let answers = ask(&python, &asked);
    assert_eq!(answers.len(), cases.len());
    let mut differences = Vec::new();
    for ((text, user), answer) in cases.iter().zip(&answers) {
        let bound = Filter::parse(text).unwrap().bind(&kind, BindPolicy::strict()).unwrap();
        if *answer != json!(bound.matches(user)) {
            differences.push(format!("{text}\n  {}\n  they: {answer}", Value::Object(user.clone())));
        }
    }
    differences.truncate(10);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn patches_do_what_they_do_to_others() {
    let Some(python) = python() else { return };
    let mut dice = Dice(7);
    let kind = ResourceType::user();
    let mut cases = Vec::new();
    for _ in 0..10_000 {
        let operations: Vec<Value> = (0..=dice.below(3)).map(|_| operation(&mut dice)).collect();
        cases.push((json!(operations), user(&mut dice)));
    }
    let asked: Vec<Value> = cases
        .iter()
        .map(|(operations, user)| json!({ "patch": patch_of(operations.clone()), "user": user }))
        .collect();
    let answers = ask(&python, &asked);
    assert_eq!(answers.len(), cases.len());
    let (mut differences, mut applied) = (Vec::new(), 0);
    for ((operations, user), answer) in cases.iter().zip(&answers) {
        let body = patch_of(operations.clone());
        let mut ours = user.clone();
        ours.remove("schemas");
        let patch = Patch::compile(body.as_object().unwrap(), &kind, &Profile::Strict.tolerance());
        let outcome = patch.and_then(|patch| patch.apply(&kind, &mut ours));
        // The one difference that the documentation of `patch` tells of: what removes nothing is an error when read strictly.
        let removes_nothing = outcome.as_ref().is_err_and(|it| it.scim_type == Some(ScimType::NoTarget))
            && operations.to_string().contains("\"remove\",\"path\":\"emails[");
        let same = match (&outcome, answer.get("error")) {
            (Err(_), Some(_)) => true,
            (Err(_), None) if removes_nothing => true,
            (Ok(_), None) => {
                applied += 1;
                let mut theirs = answer.as_object().unwrap().clone();
                theirs.remove("schemas");
                theirs == ours
            }
            _ => false,
        };
        if !same {
            let ours = outcome.map(|_| Value::Object(ours));
            differences.push(format!(
                "{operations}\n  {}\n  they: {answer}\n  we: {ours:?}",
                Value::Object(user.clone())
            ));
        }
    }
    assert!(applied > 3_000, "{applied} were applied");
    let count = differences.len();
    differences.truncate(10);
    assert!(differences.is_empty(), "{count}\n{}", differences.join("\n"));
}
