//! Users in the format of randomuser.me: recorded and synthetic ones, and the row of each.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::oracle::Values;
use crate::record::{NewRecord, TopicRecord};

/// The recorded responses, as one body.
pub const RECORDED: &str = include_str!("../fixtures/randomuser-100.json");

/// The recorded users.
pub fn recorded() -> &'static [Value] {
    static USERS: LazyLock<Vec<Value>> = LazyLock::new(|| {
        let body: Value = serde_json::from_str(RECORDED).expect("the fixture is JSON");
        body["results"].as_array().expect("the fixture has results").clone()
    });
    &USERS
}

/// The fields of the tests' pipelines: name, type, and path in a user. The first is the key.
pub const FIELDS: [(&str, &str, &str); 15] = [
    ("id", "uuid", "login.uuid"),
    ("gender", "string", "gender"),
    ("title", "string", "name.title"),
    ("first_name", "string", "name.first"),
    ("last_name", "string", "name.last"),
    ("city", "string", "location.city"),
    ("post_code", "string", "location.postcode"),
    ("latitude", "string", "location.coordinates.latitude"),
    ("email", "string", "email"),
    ("username", "string", "login.username"),
    ("dob", "timestamp", "dob.date"),
    ("age", "int", "dob.age"),
    ("national_id", "string", "id.value"),
    ("picture", "string", "picture.medium"),
    ("version", "long", "version"),
];

/// `spec.schema.fields` of a pipeline that maps users.
pub fn schema_fields() -> Value {
    let field = |(name, kind, from): &(&str, &str, &str)| json!({"name": name, "type": kind, "from": from, "required": *name == "id"});
    FIELDS.iter().map(field).collect()
}

/// The row that a user must become. The conversions are implemented a second time, from the documentation: an oracle that
/// shared the worker's code would share its bugs.
///
/// # Panics
/// When the user has a value whose type its field does not accept.
pub fn row(user: &Value) -> Values {
    let mut values = BTreeMap::new();
    for (name, kind, from) in &FIELDS {
        let value = from.split('.').fold(user, |value, segment| &value[segment]);
        let text = match (*kind, value) {
            (_, Value::Null) => continue,
            ("timestamp", Value::String(text)) => {
                text.parse::<jiff::Timestamp>().expect("dates are RFC 3339").as_millisecond().to_string()
            }
            ("uuid", Value::String(text)) => text.parse::<Uuid>().expect("keys are UUIDs").to_string(),
            ("string", Value::String(text)) => text.clone(),
            ("string" | "int" | "long", Value::Number(number)) => number.to_string(),
            (kind, value) => panic!("{name} is a {kind}, which {value} is not"),
        };
        values.insert(*name, text);
    }
    let id = values.remove("id").expect("a user has a key");
    (id, values)
}

/// The row that a record of the topic must become, when its value is a user.
pub fn parsed_row(record: &TopicRecord) -> Option<Values> {
    let user: Value = serde_json::from_slice(record.value.as_deref()?).ok()?;
    Some(row(&user))
}

/// A synthetic user: a recorded one with another key, and a version that several cells carry.
pub fn user(number: usize, version: u64) -> Value {
    let recorded = recorded();
    let mut user = recorded[number % recorded.len()].clone();
    user["login"]["uuid"] = json!(id(number));
    user["email"] = json!(format!("user-{number}-{version}@example.com"));
    user["name"]["title"] = json!(format!("v{version}"));
    user["version"] = json!(version);
    user
}

/// The key of a synthetic user.
pub fn id(number: usize) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("user {number}").as_bytes())
}

/// Records with `versions` versions of each of the `keys` users from `first` on, version by version.
///
/// Every third user has descending timestamps, so that the last record does not win. Two of twelve users have equal
/// timestamps, so that only the offset orders their versions. Those records are adjacent, because an offset orders only
/// records that are fewer than a thousand apart.
pub fn records(first: usize, keys: usize, versions: u64) -> Vec<NewRecord> {
    let start = jiff::Timestamp::now().as_millisecond() - 3_600_000;
    let timestamp = |number: usize, version: u64| match number % 12 {
        0 | 3 | 6 | 9 => start - i64::try_from(version).expect("versions are few") * 10,
        1 | 5 => start,
        _ => start + i64::try_from(version).expect("versions are few") * 10,
    };
    let has_equal_timestamps = |number: usize| matches!(number % 12, 1 | 5);
    (0..versions)
        .flat_map(|pass| (first..first + keys).map(move |number| (number, pass)))
        .flat_map(|(number, pass)| {
            let of_this_pass = match (has_equal_timestamps(number), pass) {
                (true, 0) => 0..versions,
                (true, _) => 0..0,
                (false, _) => pass..pass + 1,
            };
            of_this_pass.map(move |version| (number, version))
        })
        .map(|(number, version)| NewRecord {
            key: Some(id(number).to_string().into_bytes()),
            value: Some(user(number, version).to_string().into_bytes()),
            timestamp: timestamp(number, version),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_recorded_user_becomes_one_row() {
        let rows: BTreeMap<_, _> = recorded().iter().map(row).collect();
        assert_eq!(rows.len(), 100);
        let keith = &rows["9313706e-d4de-4d85-bcc9-b7da0ca02fba"];
        assert_eq!(keith["post_code"], "91035");
        assert_eq!(keith["dob"], "72268570290");
        assert_eq!(keith.get("version"), None);
    }

    #[test]
    fn synthetic_users_differ_in_key_and_version() {
        let (key, values) = row(&user(1234, 7));
        assert_eq!(key, id(1234).to_string());
        assert_eq!(values["version"], "7");
        assert_ne!(row(&user(1234, 8)).1, values);
        assert_ne!(id(1235), id(1234));
    }
}
