//! The oracle reads the actual table: without this test, every other one here could pass on an empty table.

use userstream_e2e::names::unique;
use userstream_e2e::oracle::{Anomaly, Model, write_time};
use userstream_e2e::rig::Rig;
use userstream_e2e::table::Cassandra;
use userstream_e2e::topic::Kafka;
use userstream_e2e::users;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn injected_anomaly_in_a_real_table_is_detected() {
    let rig = Rig::shared().await;
    let name = unique("oracle");
    let (kafka, cassandra) = (Kafka::connect(&rig), Cassandra::connect(&rig).await);
    kafka.create_topic(&name, 3).await;
    kafka.append(&name, &users::records(0, 50, 2)).await;

    cassandra
        .execute(&format!(
            "CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
        ))
        .await;
    cassandra
        .execute(&format!("CREATE TABLE {name}.users (id uuid PRIMARY KEY, title text, version bigint)"))
        .await;
    let records = kafka.records(&name).await;
    assert_eq!(records.len(), 100);
    let columns = ["title", "version"];
    let values = |record: &_| {
        let (id, mut values) = users::parsed_row(record)?;
        values.retain(|column, _| columns.contains(column));
        Some((id, values))
    };
    for record in &records {
        let (id, values) = values(record).expect("every record is a user");
        let (title, version, time) = (&values["title"], &values["version"], write_time(record));
        let insert =
            format!("INSERT INTO {name}.users (id, title, version) VALUES ({id}, '{title}', {version})");
        cassandra.execute(&format!("{insert} USING TIMESTAMP {time}")).await;
    }
    let model = Model::fold(&records, values);
    let compare = async || model.compare(&cassandra.rows(&name, "users", "id", &columns).await);
    compare().await.assert_exact();

    let newer = records.iter().map(write_time).max().expect("there are records") + 1;
    let (torn, lost) = (users::id(0), users::id(1));
    cassandra
        .execute(&format!("UPDATE {name}.users USING TIMESTAMP {newer} SET title = 'x' WHERE id = {torn}"))
        .await;
    cassandra.execute(&format!("DELETE FROM {name}.users WHERE id = {lost}")).await;
    let comparison = compare().await;
    assert_eq!((comparison.count(Anomaly::Wrong), comparison.count(Anomaly::Lost)), (1, 1), "{comparison}");
}
