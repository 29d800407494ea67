//! The CQL statements of provisioning.
//!
//! Injection is impossible: names are quoted [`Identifier`]s, which contain no quotes, and everything else from a
//! pipeline is a text literal with its quotes doubled.

use std::collections::BTreeMap;

use userstream_crds::identifier::Identifier;
use userstream_crds::model::{CqlType, Keyspace, Table, TableOptions};

use super::keyspace::replication_map;

/// The table in each keyspace that records which pipeline created what.
pub(super) const CLAIMS_TABLE: &str = "userstream_claims";

/// A text literal.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A map literal of texts.
fn map_literal(map: &BTreeMap<String, String>) -> String {
    let entries: Vec<String> =
        map.iter().map(|(name, value)| format!("{}: {}", literal(name), literal(value))).collect();
    format!("{{{}}}", entries.join(", "))
}

/// Creates a keyspace.
pub(super) fn create_keyspace(keyspace: &Keyspace) -> String {
    let replication = map_literal(&replication_map(&keyspace.replication));
    format!("CREATE KEYSPACE IF NOT EXISTS {} WITH replication = {replication}", keyspace.name.quoted())
}

/// Creates a table with its columns and options.
pub(super) fn create_table(table: &Table) -> String {
    let columns: String = table
        .columns
        .iter()
        .map(|column| format!("{} {}, ", column.name.quoted(), column.cql_type.name()))
        .collect();
    let names = |key: &[usize]| -> Vec<String> {
        key.iter().filter_map(|index| table.columns.get(*index)).map(|column| column.name.quoted()).collect()
    };
    let partition = format!("({})", names(&table.partition_key).join(", "));
    let key: Vec<String> = std::iter::once(partition).chain(names(&table.clustering_key)).collect();
    let options = options(&table.options);
    let with = if options.is_empty() { String::new() } else { format!(" WITH {}", options.join(" AND ")) };
    format!("CREATE TABLE IF NOT EXISTS {} ({columns}PRIMARY KEY ({})){with}", table.quoted(), key.join(", "))
}

/// Adds columns to a table.
pub(super) fn add_columns(table: &Table, columns: &[(Identifier, CqlType)]) -> String {
    let added: Vec<String> =
        columns.iter().map(|(name, cql_type)| format!("{} {}", name.quoted(), cql_type.name())).collect();
    format!("ALTER TABLE {} ADD ({})", table.quoted(), added.join(", "))
}

/// Sets the options that are `Some`.
pub(super) fn alter_options(table: &Table, changed: &TableOptions) -> String {
    format!("ALTER TABLE {} WITH {}", table.quoted(), options(changed).join(" AND "))
}

/// Drops a table.
#[cfg(feature = "cassandra")]
pub(super) fn drop_table(table: &Table) -> String {
    format!("DROP TABLE IF EXISTS {}", table.quoted())
}

/// Drops a keyspace with everything in it.
#[cfg(feature = "cassandra")]
pub(super) fn drop_keyspace(keyspace: &Identifier) -> String {
    format!("DROP KEYSPACE IF EXISTS {}", keyspace.quoted())
}

/// The table of claims of a keyspace.
#[cfg(feature = "cassandra")]
pub(super) fn claims_table(keyspace: &Identifier) -> String {
    format!("{}.\"{CLAIMS_TABLE}\"", keyspace.quoted())
}

/// Creates the table of claims with an explicit id.
#[cfg(feature = "cassandra")]
pub(super) fn create_claims(keyspace: &Identifier, id: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (resource text PRIMARY KEY, owner text, id text) WITH ID = {id} AND comment = {}",
        claims_table(keyspace),
        literal("Which pipeline created what, kept by Userstream")
    )
}

fn options(options: &TableOptions) -> Vec<String> {
    [
        options.default_time_to_live.map(|time| format!("default_time_to_live = {}", time.as_secs())),
        options.comment.as_ref().map(|comment| format!("comment = {}", literal(comment))),
        options.gc_grace.map(|time| format!("gc_grace_seconds = {}", time.as_secs())),
        options.compaction.as_ref().map(|compaction| format!("compaction = {}", map_literal(compaction))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use userstream_crds::model::Replication;

    use super::super::fixtures::{keyspace, table};
    use super::*;

    #[test]
    fn keyspace_is_created_with_its_replication() {
        let replication = |datacenters: &[(&str, u16)]| {
            Replication::NetworkTopology(
                datacenters
                    .iter()
                    .map(|(name, copies)| (name.parse().unwrap(), (*copies).try_into().unwrap()))
                    .collect(),
            )
        };
        let keyspace = Keyspace { replication: replication(&[("dc1", 3), ("eu-west", 2)]), ..keyspace() };
        assert_eq!(
            create_keyspace(&keyspace),
            "CREATE KEYSPACE IF NOT EXISTS \"spark_streams\" WITH replication = {'class': 'NetworkTopologyStrategy', \
             'dc1': '3', 'eu-west': '2'}"
        );
    }

    #[test]
    fn table_is_created_with_its_key_and_options() {
        let mut table = table(&[("id", CqlType::Uuid), ("at", CqlType::Timestamp), ("order", CqlType::Text)]);
        assert_eq!(
            create_table(&table),
            "CREATE TABLE IF NOT EXISTS \"spark_streams\".\"created_users\" (\"id\" uuid, \"at\" timestamp, \"order\" \
             text, PRIMARY KEY ((\"id\")))"
        );
        table.partition_key = vec![0, 2];
        table.clustering_key = vec![1];
        table.options.default_time_to_live = Some(Duration::from_secs(60));
        table.options.comment = Some("it's; DROP TABLE users; --".to_owned());
        assert_eq!(
            create_table(&table),
            "CREATE TABLE IF NOT EXISTS \"spark_streams\".\"created_users\" (\"id\" uuid, \"at\" timestamp, \"order\" \
             text, PRIMARY KEY ((\"id\", \"order\"), \"at\")) WITH default_time_to_live = 60 AND comment = 'it''s; DROP \
             TABLE users; --'"
        );
    }

    #[test]
    fn columns_and_options_change_in_one_statement_each() {
        let table = table(&[("id", CqlType::Uuid)]);
        let columns = [("nat".parse().unwrap(), CqlType::Text), ("age".parse().unwrap(), CqlType::Int)];
        assert_eq!(
            add_columns(&table, &columns),
            "ALTER TABLE \"spark_streams\".\"created_users\" ADD (\"nat\" text, \"age\" int)"
        );
        let changed = TableOptions {
            gc_grace: Some(Duration::from_secs(10)),
            compaction: Some([("class".to_owned(), "o'Strategy".to_owned())].into()),
            ..TableOptions::default()
        };
        assert_eq!(
            alter_options(&table, &changed),
            "ALTER TABLE \"spark_streams\".\"created_users\" WITH gc_grace_seconds = 10 AND compaction = {'class': \
             'o''Strategy'}"
        );
    }
}
