#![expect(clippy::needless_pass_by_value, reason = "tests read better without references to literals")]

use serde_json::json;

use super::*;
use crate::patch::MemberChange;
use crate::profile::Profile;
use crate::schema::ENTERPRISE_USER;

fn kim() -> Value {
    json!({
        "userName": "kim",
        "active": true,
        "name": { "familyName": "Kim", "givenName": "Ada" },
        "emails": [
            { "type": "work", "value": "w@x", "primary": true },
            { "type": "home", "value": "h@x" },
        ],
        ENTERPRISE_USER: { "department": "Ops" },
    })
}

fn patch(profile: Profile, operations: Value) -> Result<Value, ScimError> {
    let kind = ResourceType::user();
    let body = json!({ "schemas": [Patch::SCHEMA], "Operations": operations });
    let patch = Patch::compile(body.as_object().unwrap(), &kind, &profile.tolerance())?;
    let mut resource = kim().as_object().unwrap().clone();
    let before = resource.clone();
    let changed = patch.apply(&kind, &mut resource)?;
    assert!(changed || before == resource, "what changes is said: {operations}");
    Ok(Value::Object(resource))
}

/// The resource after the operations, with these members other than before; `null` for absent.
fn expect(profile: Profile, operations: Value, differences: Value) {
    let mut expected = kim().as_object().unwrap().clone();
    for (name, value) in differences.as_object().unwrap() {
        if value.is_null() {
            expected.remove(name);
        } else {
            expected.insert(name.clone(), value.clone());
        }
    }
    assert_eq!(patch(profile, operations.clone()).unwrap(), Value::Object(expected), "{operations}");
}

#[test]
fn the_operations_of_the_standard() {
    let s = Profile::Strict;
    for (operations, differences) in [
        (json!([{ "op": "replace", "path": "userName", "value": "K" }]), json!({ "userName": "K" })),
        (json!([{ "op": "add", "path": "title", "value": "Dr" }]), json!({ "title": "Dr" })),
        (
            json!([{ "op": "add", "path": "title", "value": "A" }, { "op": "remove", "path": "title" }]),
            json!({}),
        ),
        (json!([{ "op": "remove", "path": "name.givenName" }]), json!({ "name": { "familyName": "Kim" } })),
        (
            json!([{ "op": "remove", "path": "name.givenName" }, { "op": "remove", "path": "name.familyName" }]),
            json!({ "name": null }),
        ),
        (
            json!([{ "op": "replace", "path": "name", "value": { "givenName": "B" } }]),
            json!({ "name": { "familyName": "Kim", "givenName": "B" } }),
        ),
        (
            json!([{ "op": "add", "value": { "nickName": "k", "name": { "middleName": "M" } } }]),
            json!({ "nickName": "k", "name": { "familyName": "Kim", "givenName": "Ada", "middleName": "M" } }),
        ),
        (json!([{ "op": "remove", "path": "emails" }]), json!({ "emails": null })),
        (
            json!([{ "op": "remove", "path": "emails[type eq \"home\"]" }]),
            json!({ "emails": [{ "type": "work", "value": "w@x", "primary": true }] }),
        ),
        (
            json!([{ "op": "remove", "path": "emails[type eq \"home\"].type" }]),
            json!({ "emails": [{ "type": "work", "value": "w@x", "primary": true }, { "value": "h@x" }] }),
        ),
        (
            json!([{ "op": "replace", "path": "emails[type eq \"HOME\"].value", "value": "n@x" }]),
            json!({ "emails": [{ "type": "work", "value": "w@x", "primary": true }, { "type": "home", "value": "n@x" }] }),
        ),
        (
            json!([{ "op": "replace", "path": "emails[type eq \"home\"]", "value": { "value": "n@x" } }]),
            json!({ "emails": [{ "type": "work", "value": "w@x", "primary": true }, { "value": "n@x" }] }),
        ),
        (
            json!([{ "op": "replace", "path": "emails", "value": [{ "value": "n@x" }] }]),
            json!({ "emails": [{ "value": "n@x" }] }),
        ),
        (
            json!([{ "op": "replace", "path": "emails.type", "value": "other" }]),
            json!({ "emails": [{ "type": "other", "value": "w@x", "primary": true }, { "type": "other", "value": "h@x" }] }),
        ),
        // The one that is set is the primary one.
        (
            json!([{ "op": "add", "path": "emails", "value": [{ "value": "n@x", "primary": true }] }]),
            json!({ "emails": [{ "type": "work", "value": "w@x", "primary": false }, { "type": "home", "value": "h@x" }, { "value": "n@x", "primary": true }] }),
        ),
        (
            json!([{ "op": "replace", "path": "emails[type eq \"home\"].primary", "value": true }]),
            json!({ "emails": [{ "type": "work", "value": "w@x", "primary": false }, { "type": "home", "value": "h@x", "primary": true }] }),
        ),
        // What is there already is not added again.
        (json!([{ "op": "add", "path": "emails", "value": { "type": "home", "value": "h@x" } }]), json!({})),
        (json!([{ "op": "replace", "path": "userName", "value": "kim" }]), json!({})),
        (
            json!([{ "op": "add", "path": format!("{ENTERPRISE_USER}:costCenter"), "value": "7" }]),
            json!({ ENTERPRISE_USER: { "department": "Ops", "costCenter": "7" } }),
        ),
        (
            json!([{ "op": "remove", "path": format!("{ENTERPRISE_USER}:department") }]),
            json!({ ENTERPRISE_USER: null }),
        ),
        (json!([{ "op": "remove", "path": ENTERPRISE_USER }]), json!({ ENTERPRISE_USER: null })),
        (
            json!([{ "op": "replace", "value": { ENTERPRISE_USER: { "department": "Dev" } } }]),
            json!({ ENTERPRISE_USER: { "department": "Dev" } }),
        ),
        (
            json!([{ "op": "add", "path": format!("{ENTERPRISE_USER}:manager.value"), "value": "9" }]),
            json!({ ENTERPRISE_USER: { "department": "Ops", "manager": { "value": "9" } } }),
        ),
        (json!([{ "op": "replace", "path": "title", "value": null }]), json!({})),
    ] {
        expect(s, operations, differences);
    }
}

#[test]
fn the_ways_of_directories() {
    let i = Profile::Interop;
    let work = json!({ "type": "work", "value": "w@x", "primary": true });
    let home = json!({ "type": "home", "value": "h@x" });
    for (operations, differences) in [
        (json!([{ "op": "Replace", "path": "displayName", "value": "M" }]), json!({ "displayName": "M" })),
        (json!([{ "op": "Replace", "path": "active", "value": "False" }]), json!({ "active": false })),
        (
            json!([{ "op": "Add", "path": "phoneNumbers[type eq \"work\"].value", "value": "1" }]),
            json!({ "phoneNumbers": [{ "type": "work", "value": "1" }] }),
        ),
        (
            json!([{ "op": "Replace", "path": "emails[type eq \"Other\"].Value", "value": "o@x" }]),
            json!({ "emails": [work, home, { "type": "Other", "value": "o@x" }] }),
        ),
        (
            json!([{ "op": "Add", "path": "roles[primary eq \"True\"].value", "value": "r" }]),
            json!({ "roles": [{ "primary": true, "value": "r" }] }),
        ),
        (
            json!([{ "op": "Add", "path": format!("{ENTERPRISE_USER}:manager"), "value": "u17" }]),
            json!({ ENTERPRISE_USER: { "department": "Ops", "manager": { "value": "u17" } } }),
        ),
        (
            json!([{ "op": "Replace", "path": format!("{ENTERPRISE_USER}:department"), "value": "" }]),
            json!({ ENTERPRISE_USER: null }),
        ),
        (
            json!([{ "op": "replace", "value": { "displayName": "M", "name.givenName": "Mia", format!("{ENTERPRISE_USER}:employeeNumber"): "77" } }]),
            json!({ "displayName": "M", "name": { "familyName": "Kim", "givenName": "Mia" }, ENTERPRISE_USER: { "department": "Ops", "employeeNumber": "77" } }),
        ),
        (
            json!([{ "op": "remove", "path": "emails", "value": [{ "value": "h@x" }] }]),
            json!({ "emails": [work] }),
        ),
        (json!([{ "op": "remove", "path": "emails[type eq \"other\"]" }]), json!({})),
        (json!([{ "op": "replace", "value": { "meta": { "version": "1" }, "groups": [] } }]), json!({})),
    ] {
        expect(i, operations, differences);
    }
}

#[test]
fn what_is_refused_has_its_answer() {
    use ScimType::{InvalidPath, InvalidSyntax, InvalidValue, Mutability, NoTarget};
    let (s, i) = (Profile::Strict, Profile::Interop);
    for (profile, operations, kind) in [
        (s, json!([]), InvalidSyntax),
        (s, json!(null), InvalidSyntax),
        (s, json!({}), InvalidSyntax),
        (s, json!([1]), InvalidSyntax),
        (s, json!([{}]), InvalidSyntax),
        (s, json!([{ "op": "Add", "path": "title", "value": "x" }]), InvalidSyntax),
        (i, json!([{ "op": "move", "path": "title" }]), InvalidSyntax),
        (i, json!([{ "op": "remove" }]), NoTarget),
        (i, json!([{ "op": "add", "value": 1 }]), InvalidValue),
        (i, json!([{ "op": "add", "path": "title" }]), InvalidValue),
        (i, json!([{ "op": "add", "path": 1, "value": "x" }]), InvalidPath),
        (i, json!([{ "op": "add", "path": "", "value": "x" }]), InvalidPath),
        (i, json!([{ "op": "add", "path": "nothing", "value": "x" }]), InvalidPath),
        (i, json!([{ "op": "add", "path": "emails[", "value": "x" }]), InvalidPath),
        (i, json!([{ "op": "add", "path": "emails[type eq].value", "value": "x" }]), InvalidPath),
        (i, json!([{ "op": "add", "path": "emails[nothing eq 1].value", "value": "x" }]), InvalidPath),
        (i, json!([{ "op": "add", "path": "emails[type eq \"work\"].nothing", "value": "x" }]), InvalidPath),
        (i, json!([{ "op": "add", "path": "userName[type eq \"work\"]", "value": "x" }]), InvalidPath),
        (i, json!([{ "op": "replace", "path": "id", "value": "x" }]), Mutability),
        (i, json!([{ "op": "replace", "path": "schemas", "value": ["x"] }]), Mutability),
        (i, json!([{ "op": "replace", "path": "meta.version", "value": "x" }]), Mutability),
        (i, json!([{ "op": "add", "path": "groups", "value": [{ "value": "g" }] }]), Mutability),
        (s, json!([{ "op": "replace", "value": { "groups": [] } }]), Mutability),
        (i, json!([{ "op": "remove", "path": "userName" }]), Mutability),
        (i, json!([{ "op": "replace", "path": "userName", "value": "" }]), Mutability),
        (i, json!([{ "op": "add", "path": "active", "value": "perhaps" }]), InvalidValue),
        (
            i,
            json!([{ "op": "add", "path": "emails", "value": [{ "primary": true, "value": "a" }, { "primary": true, "value": "b" }] }]),
            InvalidValue,
        ),
        (i, json!([{ "op": "replace", "path": "emails[type pr].primary", "value": true }]), InvalidValue),
        (i, json!([{ "op": "replace", "path": "emails.primary", "value": true }]), InvalidValue),
        (s, json!([{ "op": "replace", "path": "emails[type eq \"other\"].value", "value": "x" }]), NoTarget),
        (s, json!([{ "op": "remove", "path": "emails[type eq \"other\"]" }]), NoTarget),
        (s, json!([{ "op": "remove", "path": "emails", "value": [{ "value": "h@x" }] }]), InvalidValue),
        (s, json!([{ "op": "replace", "value": { "nothing": 1 } }]), InvalidSyntax),
        // Nothing but `eq` joined by `and` says what to make.
        (
            i,
            json!([{ "op": "add", "path": "ims[type eq \"a\" or type eq \"b\"].value", "value": "x" }]),
            NoTarget,
        ),
        (i, json!([{ "op": "add", "path": "ims[not (type eq \"a\")].value", "value": "x" }]), NoTarget),
        (i, json!([{ "op": "add", "path": "ims[type co \"a\"].value", "value": "x" }]), NoTarget),
        (
            i,
            json!([{ "op": "add", "path": "ims[type eq \"a\" and type eq \"b\"].value", "value": "x" }]),
            NoTarget,
        ),
    ] {
        let error = patch(profile, operations.clone()).map(|_| ()).unwrap_err();
        assert_eq!((error.status, error.scim_type), (400, Some(kind)), "{operations}");
    }
    let many = Value::Array(vec![json!({ "op": "add", "path": "title", "value": "x" }); 10_001]);
    assert_eq!(patch(i, many).unwrap_err().status, 413);
}

#[test]
fn members_are_changes_and_never_a_list() {
    let kind = ResourceType::group();
    let set = |ids: &[&str]| ids.iter().map(|it| (*it).to_owned()).collect();
    let compile = |profile: Profile, operations: Value| {
        let body = json!({ "schemas": [Patch::SCHEMA], "Operations": operations });
        Patch::compile(body.as_object().unwrap(), &kind, &profile.tolerance())
    };
    let one =
        |profile, operation: Value| compile(profile, json!([operation])).map(|it| it.members().to_vec());
    let i = Profile::Interop;
    for (operation, expected) in [
        (
            json!({ "op": "Add", "path": "members", "value": [{ "$ref": null, "value": "u9" }] }),
            MemberChange::Add(set(&["u9"])),
        ),
        (
            json!({ "op": "add", "value": { "members": [{ "value": "a" }, { "value": "b" }] } }),
            MemberChange::Add(set(&["a", "b"])),
        ),
        (
            json!({ "op": "Remove", "path": "members", "value": [{ "value": "u9" }] }),
            MemberChange::Remove(set(&["u9"])),
        ),
        (json!({ "op": "remove", "path": "members[value eq \"u9\"]" }), MemberChange::Remove(set(&["u9"]))),
        (
            json!({ "op": "remove", "path": "members[value eq \"a\" or value eq \"b\"]" }),
            MemberChange::Remove(set(&["a", "b"])),
        ),
        (json!({ "op": "remove", "path": "members" }), MemberChange::Clear),
        (json!({ "op": "replace", "path": "members", "value": [] }), MemberChange::Replace(set(&[]))),
        (
            json!({ "op": "replace", "path": "members", "value": [{ "value": "a" }, { "value": "a" }] }),
            MemberChange::Replace(set(&["a"])),
        ),
    ] {
        assert_eq!(one(i, operation.clone()).unwrap(), [expected], "{operation}");
    }
    // By the letter this would remove everybody.
    let removal = json!({ "op": "remove", "path": "members", "value": [{ "value": "u9" }] });
    assert_eq!(one(Profile::Strict, removal).unwrap_err().scim_type, Some(ScimType::InvalidValue));
    for (operation, kind) in [
        (json!({ "op": "remove", "path": "members[type eq \"User\"]" }), ScimType::InvalidPath),
        (
            json!({ "op": "replace", "path": "members[value eq \"a\"].display", "value": "x" }),
            ScimType::Mutability,
        ),
        (json!({ "op": "add", "path": "members", "value": [{ "display": "x" }] }), ScimType::InvalidValue),
        (json!({ "op": "replace", "path": "members.value", "value": "x" }), ScimType::Mutability),
    ] {
        assert_eq!(one(i, operation.clone()).unwrap_err().scim_type, Some(kind), "{operation}");
    }
    let rename =
        compile(i, json!([{ "op": "replace", "value": { "id": "g7", "displayName": "Ops2" } }])).unwrap();
    assert!(rename.check_id("g7").is_ok() && !rename.is_of_members_alone());
    assert_eq!(rename.check_id("g8").unwrap_err().scim_type, Some(ScimType::Mutability));
}
