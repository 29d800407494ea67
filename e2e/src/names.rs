//! Unique names, so that tests share servers and run in parallel.

use std::sync::LazyLock;

/// A name for topics, keyspaces, tables and consumer groups: that of the test, and a suffix that differs in every run.
///
/// It has at most 40 characters of `[a-z0-9_]`, which neither Kafka nor Cassandra requires to be quoted.
///
/// # Panics
/// When `test` has other characters or more than 32.
pub fn unique(test: &str) -> String {
    static RUN: LazyLock<String> =
        LazyLock::new(|| uuid::Uuid::new_v4().simple().to_string().chars().take(7).collect());
    let fits = test.starts_with(|first: char| first.is_ascii_lowercase())
        && test.len() <= 32
        && test.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    assert!(fits, "`{test}` cannot be part of a topic's and a keyspace's name");
    format!("{test}_{}", *RUN)
}
