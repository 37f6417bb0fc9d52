//! Whether a value is what a schema of the document says: the part of JSON Schema that the document uses, and more strictly, in
//! that a member must be described to be there.

use serde_json::Value;
use utoipa::openapi::OpenApi;

use crate::testing::Seen;

/// The response is what the document says of this operation.
pub(crate) fn assert_response(document: &OpenApi, path: &str, method: &str, seen: &Seen) {
    let whole = serde_json::to_value(document).unwrap();
    let response = &whole["paths"][path][method]["responses"][seen.status.as_str()];
    assert!(response.is_object(), "{method} {path}: {} is not described: {}", seen.status, seen.text);
    match &response["content"]["application/json"]["schema"] {
        Value::Null => assert_eq!(seen.text, "", "{method} {path}"),
        schema => {
            assert_eq!(seen.header("content-type"), "application/json");
            let value = serde_json::from_str(&seen.text).unwrap();
            if let Err(error) = check(&whole, schema, &value, "") {
                panic!("{method} {path}: {error} in {value}");
            }
        }
    }
}

/// The value is what the schema says.
pub(crate) fn assert_described(document: &OpenApi, schema: &Value, value: &Value) {
    let whole = serde_json::to_value(document).unwrap();
    if let Err(error) = check(&whole, schema, value, "") {
        panic!("{error} in {value}");
    }
}

fn check(whole: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = reference.strip_prefix('#').and_then(|it| whole.pointer(it));
        return check(whole, target.ok_or_else(|| format!("{reference} leads nowhere"))?, value, at);
    }
    for (word, least) in [("oneOf", 1), ("anyOf", 1)] {
        if let Some(all) = schema[word].as_array() {
            let fitting = all.iter().filter(|it| check(whole, it, value, at).is_ok()).count();
            if fitting < least || (word == "oneOf" && fitting > 1) {
                return Err(format!("{at}: {fitting} of {word} fit"));
            }
        }
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        check(whole, part, value, at)?;
    }
    if let Some(all) = schema["enum"].as_array().filter(|it| !it.contains(value)) {
        return Err(format!("{at}: {value} is none of {all:?}"));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|it| is(value, it)) {
        return Err(format!("{at}: {value} is not {types:?}"));
    }
    members(whole, schema, value, at)
}

fn members(whole: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        check(whole, &schema["items"], item, &format!("{at}/{index}"))?;
    }
    let (Some(object), Some(properties)) = (value.as_object(), schema["properties"].as_object()) else {
        return Ok(());
    };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !object.contains_key(name) {
            return Err(format!("{at}/{name} is required"));
        }
    }
    for (name, member) in object {
        match (properties.get(name), &schema["additionalProperties"]) {
            (Some(schema), _) => check(whole, schema, member, &format!("{at}/{name}"))?,
            (None, Value::Object(_)) => {
                check(whole, &schema["additionalProperties"], member, &format!("{at}/{name}"))?;
            }
            (None, _) => return Err(format!("{at}/{name} is not described")),
        }
    }
    Ok(())
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("a type {other}"),
    }
}

#[test]
fn the_check_finds_what_differs() {
    use serde_json::json;
    let whole = json!({"components": {"schemas": {"A": {"type": "object", "required": ["x"], "properties":
        {"x": {"type": ["string", "null"]}, "y": {"type": "array", "items": {"type": "integer"}}}}}}});
    let schema = json!({"$ref": "#/components/schemas/A"});
    for good in [json!({"x": "1"}), json!({"x": null, "y": [1, 2]})] {
        check(&whole, &schema, &good, "").unwrap();
    }
    for bad in
        [json!({}), json!({"x": 1}), json!({"x": "1", "y": ["a"]}), json!({"x": "1", "z": 1}), json!([])]
    {
        assert!(check(&whole, &schema, &bad, "").is_err(), "{bad}");
    }
}
