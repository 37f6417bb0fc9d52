//! Searches against looking at everybody: what the store's indexes find, and how many, is what the evaluator says.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::directory::Directory;
use super::findings::Findings;
use super::target::Target;
use crate::filter::{BindPolicy, Filter};
use crate::profile::Profile;
use crate::schema::{ENTERPRISE_USER, ResourceType, USER};

/// Runs random filters, by the seed, against random users: the total of each, and who is found, by index and by cursor, must be
/// what the evaluator of [`filter`](crate::filter) says of every user that there is.
pub async fn searches(target: &dyn Target, seed: u64, count: usize) -> Findings {
    let mut findings = Findings::default();
    let mut dice = Dice(seed);
    match everybody(target, &mut dice).await {
        Err(text) => findings.row("users", Err(text)),
        Ok((directory, users)) => {
            for _ in 0..count {
                let text = filter(&mut dice, 3);
                findings.row(&text, compare(&directory, &users, &text).await);
            }
        }
    }
    findings
}

async fn everybody<'t>(
    target: &'t dyn Target,
    dice: &mut Dice,
) -> Result<(Directory<'t>, Vec<Map<String, Value>>), String> {
    let directory = Directory::new(target, Profile::Strict).await?;
    for n in 0..60 {
        let answer = directory.json("POST", "/Users", &user(dice, n)).await?;
        if answer.status != 201 {
            return Err(format!("{} {}", answer.status, answer.body));
        }
    }
    let all = directory.get("/Users?count=100").await?.body;
    let all = all.get("Resources").and_then(Value::as_array).ok_or("no list")?;
    Ok((directory, all.iter().filter_map(Value::as_object).cloned().collect()))
}

async fn compare(directory: &Directory<'_>, users: &[Map<String, Value>], text: &str) -> Result<(), String> {
    let bound = Filter::parse(text).map_err(|it| it.to_string())?;
    let bound = bound.bind(&ResourceType::user(), BindPolicy::strict()).map_err(|it| it.detail)?;
    let id =
        |user: &Map<String, Value>| user.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let expected: BTreeSet<String> = users.iter().filter(|it| bound.matches(it)).map(id).collect();
    for paging in ["startIndex=1&count=100", "cursor=&count=100"] {
        let answer = directory.get(&format!("/Users?{paging}&filter={text}")).await?;
        let total = answer.body.get("totalResults").and_then(Value::as_u64);
        let found = answer.body.get("Resources").and_then(Value::as_array).cloned().unwrap_or_default();
        let found: Vec<String> = found.iter().filter_map(Value::as_object).map(id).collect();
        let once: BTreeSet<String> = found.iter().cloned().collect();
        let right = total.is_none_or(|it| usize::try_from(it) == Ok(expected.len()));
        if answer.status != 200 || once != expected || once.len() != found.len() || !right {
            return Err(format!(
                "{paging}: {} {total:?}, {} found, not {}",
                answer.status,
                found.len(),
                expected.len()
            ));
        }
    }
    // By index there is an order, the same on every page, and a part of it is the same part.
    let expected: Vec<&String> = expected.iter().collect();
    for (start, count) in [(1, 0), (3, 5), (expected.len(), 2)] {
        let path = format!("/Users?startIndex={start}&count={count}&filter={text}");
        let answer = directory.get(&path).await?;
        let total = answer.body.get("totalResults").and_then(Value::as_u64);
        let found = answer.body.get("Resources").and_then(Value::as_array).cloned().unwrap_or_default();
        let found: Vec<String> = found.iter().filter_map(Value::as_object).map(id).collect();
        let part: Vec<&String> = expected.iter().skip(start.saturating_sub(1)).take(count).copied().collect();
        if total != u64::try_from(expected.len()).ok() || found.iter().collect::<Vec<_>>() != part {
            return Err(format!("{count} from {start}: {total:?} {found:?}, not {part:?}"));
        }
    }
    Ok(())
}

/// Numbers that look random, and are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(most.max(1)).unwrap_or(1)).unwrap_or_default()
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of.get(self.below(of.len())).copied().unwrap_or_default()
    }
}

const NAMES: [&str; 8] = ["kim", "Kimberly", "straße", "STRASSBURG", "Ökonom", "o\u{308}ko", "ab", "a"];
const TITLES: [&str; 3] = ["Dr", "dr", "Prof"];
const TYPES: [&str; 3] = ["work", "home", "other"];

fn user(dice: &mut Dice, n: usize) -> Value {
    let name = format!("{}{n}", dice.one(&NAMES));
    let mut user =
        json!({ "schemas": [USER, ENTERPRISE_USER], "userName": name, "externalId": format!("x{}", n % 7) });
    let Some(members) = user.as_object_mut() else { return user };
    if dice.below(2) == 0 {
        members.insert("active".to_owned(), json!(dice.below(2) == 0));
    }
    if dice.below(3) > 0 {
        members.insert("title".to_owned(), json!(dice.one(&TITLES)));
    }
    // Some have more values than are looked up by.
    let many = if n.is_multiple_of(20) { 70 } else { dice.below(3) };
    let emails: Vec<Value> = (0..many)
        .map(|at| json!({ "type": dice.one(&TYPES), "value": format!("mail{}@x.example", (n + at) % 80) }))
        .collect();
    members.insert("emails".to_owned(), Value::Array(emails));
    if dice.below(2) == 0 {
        members.insert(
            ENTERPRISE_USER.to_owned(),
            json!({ "department": dice.one(&TITLES), "employeeNumber": (n % 9).to_string() }),
        );
    }
    user
}

fn filter(dice: &mut Dice, depth: usize) -> String {
    if depth == 0 || dice.below(3) == 0 {
        return leaf(dice);
    }
    match dice.below(4) {
        0 => format!("not ({})", filter(dice, depth - 1)),
        1 => format!("({} or {})", filter(dice, depth - 1), filter(dice, depth - 1)),
        _ => format!("({} and {})", filter(dice, depth - 1), filter(dice, depth - 1)),
    }
}

fn leaf(dice: &mut Dice) -> String {
    let name = format!("{}{}", dice.one(&NAMES), dice.below(60));
    let some: String = name.chars().take(1 + dice.below(9)).collect();
    let mail = format!("mail{}@x.example", dice.below(80));
    match dice.below(15) {
        0 | 1 => format!("userName {} \"{name}\"", dice.one(&["eq", "ne"])),
        2..=4 => format!("userName sw \"{some}\""),
        5 => format!("userName {} \"{some}\"", dice.one(&["co", "ew", "ne", "gt", "le"])),
        6 => format!("active {} {}", dice.one(&["eq", "ne"]), dice.one(&["true", "false"])),
        7 => format!("emails eq \"{mail}\""),
        8 => format!("emails[type eq \"{}\" and value eq \"{mail}\"]", dice.one(&TYPES)),
        9 => format!("externalId {} \"x{}\"", dice.one(&["eq", "ne"]), dice.below(8)),
        10 => format!("title {}", dice.one(&["pr", "eq \"DR\"", "ne \"Dr\"", "eq null"])),
        11 => {
            let moment =
                dice.one(&["2020-01-01T00:00:00Z", "2999-01-01T00:00:00+02:00", "2026-01-01T00:00:00Z"]);
            format!(
                "meta.{} {} \"{moment}\"",
                dice.one(&["created", "lastModified"]),
                dice.one(&["gt", "ge", "lt", "le"])
            )
        }
        12 => {
            format!("{ENTERPRISE_USER}:employeeNumber {} \"{}\"", dice.one(&["eq", "ne"]), dice.below(10))
        }
        13 => format!("{ENTERPRISE_USER}:department eq \"{}\"", dice.one(&TITLES)),
        _ => format!("emails.type {} \"{}\"", dice.one(&["eq", "ne", "co"]), dice.one(&TYPES)),
    }
}
