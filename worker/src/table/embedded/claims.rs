//! The claims of a keyspace, in the table `$claims` of its file.

use rusqlite::{Connection, OptionalExtension, params};

/// The owner and the id in the claim on a resource.
pub(super) fn read(
    connection: &Connection,
    resource: &str,
) -> Result<Option<(String, Option<String>)>, rusqlite::Error> {
    if !connection.table_exists(None::<&str>, "$claims")? {
        return Ok(None);
    }
    let query = "SELECT owner, id FROM \"$claims\" WHERE resource = ?1";
    connection.query_row(query, [resource], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// Records a claim on a resource, replacing an existing one.
pub(super) fn record(
    connection: &Connection,
    resource: &str,
    owner: &str,
    id: Option<&str>,
) -> Result<(), rusqlite::Error> {
    connection.execute(
        "INSERT INTO \"$claims\" (resource, owner, id) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET owner = excluded.owner, id = excluded.id",
        params![resource, owner, id],
    )?;
    Ok(())
}

/// Deletes the claim on a resource.
pub(super) fn delete(connection: &Connection, resource: &str) -> Result<(), rusqlite::Error> {
    connection.execute("DELETE FROM \"$claims\" WHERE resource = ?1", [resource])?;
    Ok(())
}
