//! What the benchmarks share: the description of the machine, the resource usage of processes, and the schema of the records.
#![forbid(unsafe_code)]
#![allow(clippy::expect_used, reason = "a benchmark that cannot measure exits with the reason")]

pub mod machine;
pub mod usage;

/// The fields of a user: name, type, and path in a record of the generator.
pub const FIELDS: [(&str, &str, &str); 14] = [
    ("id", "uuid", "login.uuid"),
    ("first_name", "string", "name.first"),
    ("last_name", "string", "name.last"),
    ("gender", "string", "gender"),
    ("street", "string", "location.street.name"),
    ("city", "string", "location.city"),
    ("post_code", "string", "location.postcode"),
    ("email", "string", "email"),
    ("username", "string", "login.username"),
    ("dob", "timestamp", "dob.date"),
    ("registered_date", "timestamp", "registered.date"),
    ("phone", "string", "phone"),
    ("picture", "string", "picture.medium"),
    ("fetched_at", "timestamp", "$fetchedAt"),
];
