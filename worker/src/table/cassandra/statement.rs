//! The one statement that rows are written with.

use userstream_crds::model::Table;

/// `INSERT` of every column, with the write time as the last value.
///
/// Each value is given the type of its column. The server refuses to prepare the statement when a column has another
/// type, also when it prepares it again by itself after the table was dropped and made anew: without this, the bytes of
/// an int would end in a text column of the same name.
pub(super) fn insert(table: &Table) -> String {
    let names: Vec<String> = table.columns.iter().map(|column| column.name.quoted()).collect();
    let values: Vec<String> =
        table.columns.iter().map(|column| format!("({})?", column.cql_type.name())).collect();
    format!(
        "INSERT INTO {} ({}) VALUES ({}) USING TIMESTAMP ?",
        table.quoted(),
        names.join(", "),
        values.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use userstream_crds::worker_config::WorkerConfig;

    use super::*;

    #[test]
    fn names_are_quoted_and_values_typed() {
        let config = serde_json::json!({
            "version": 1,
            "pipeline": {"namespace": "demo", "name": "users"},
            "spec": {
                "schema": {"fields": [
                    {"name": "select", "type": "uuid", "required": true},
                    {"name": "age", "type": "int"},
                ]},
                "kafka": {"bootstrapServers": "kafka:9092", "topic": {"name": "users"}},
                "processor": {},
                "sink": {"cassandra": {
                    "contactPoints": ["table:9042"],
                    "keyspace": {"name": "demo"},
                    "table": {"name": "users", "partitionKey": ["select"], "columns": [
                        {"name": "select"}, {"name": "years", "type": "varint", "field": "age"},
                    ]},
                }},
            },
        });
        let (_, pipeline) = WorkerConfig::parse(&config.to_string()).unwrap();
        assert_eq!(
            insert(&pipeline.table),
            r#"INSERT INTO "demo"."users" ("select", "years") VALUES ((uuid)?, (varint)?) USING TIMESTAMP ?"#
        );
    }
}
