//! Tests against a real Kafka and a real Cassandra. `make test` runs them; one promise a file.

mod the_oracle_itself;
