//! Defaults as the API server applies them, for use without one.

use serde_json::Value;

use crate::schema::definition::properties;

/// Drops nulls and sets missing fields to their defaults, from the outside in: what the API server does to an object
/// before it evaluates rules.
pub fn apply_defaults(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            let declared = properties(schema);
            if let Some(declared) = declared {
                for (name, property) in declared {
                    if let (None, Some(default)) = (members.get(name), property.get("default")) {
                        members.insert(name.clone(), default.clone());
                    }
                }
            }
            let others = schema.get("additionalProperties");
            for (name, member) in members {
                if let Some(schema) = declared.and_then(|declared| declared.get(name)).or(others) {
                    apply_defaults(schema, member);
                }
            }
        }
        Value::Array(elements) => {
            if let Some(items) = schema.get("items") {
                elements.iter_mut().for_each(|element| apply_defaults(items, element));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
