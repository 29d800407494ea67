//! `spec.sink`: the cluster, the keyspace and the table.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;
use std::time::Duration;

use crate::model::{Cassandra, CassandraTls, Column, Keyspace, Replication, Table, TableOptions, WriteTime};
use crate::resource::delivery::Guarantee;
use crate::resource::sink::{
    CassandraSpec, ColumnSpec, MOST_COPIES, ReplicationSpec, ReplicationValue, TableOptionsSpec, TableSpec,
};
use crate::rules;
use crate::scalar::identifier::{DatacenterName, HostPort};

use super::fields::{DeclaredFields, differs_when_read_again};
use super::violations::{Found, Violations};

const CASSANDRA: &str = "spec.sink.cassandra";
const CQL_PORT: u16 = 9042;
/// The copies of a row in the local datacenter, unless the keyspace declares its replication.
const DEFAULT_COPIES: NonZeroU16 = NonZeroU16::MIN.saturating_add(2);

pub(super) fn connection(cassandra: &CassandraSpec, violations: &mut Violations) -> Option<Cassandra> {
    let contact_points: Vec<HostPort> = cassandra
        .contact_points
        .iter()
        .enumerate()
        .filter_map(|(index, point)| {
            let path = format!("{CASSANDRA}.contactPoints[{index}]");
            violations.take(&path, &rules::CONTACT_POINT, HostPort::parse(point, Some(CQL_PORT)))
        })
        .collect();
    let given = violations.require(
        !cassandra.contact_points.is_empty(),
        format!("{CASSANDRA}.contactPoints"),
        &rules::CONTACT_POINT,
    );
    let local_datacenter = datacenter(cassandra, violations);
    let tls = cassandra.tls.as_ref().map(|tls| {
        violations
            .secret(&format!("{CASSANDRA}.tls.caSecretRef"), tls.ca_secret_ref.as_ref())
            .map(|ca| CassandraTls { ca })
    });
    let credentials = violations
        .secret(&format!("{CASSANDRA}.auth.secretRef"), cassandra.auth.as_ref().map(|auth| &auth.secret_ref));
    (given && contact_points.len() == cassandra.contact_points.len()).then_some(())?;
    Some(Cassandra {
        contact_points,
        local_datacenter: local_datacenter?,
        tls: match tls {
            None => None,
            Some(tls) => Some(tls?),
        },
        credentials: credentials?,
        consistency: cassandra.consistency,
    })
}

fn datacenter(cassandra: &CassandraSpec, violations: &mut Violations) -> Option<DatacenterName> {
    violations.parse(format!("{CASSANDRA}.localDatacenter"), &rules::DATACENTER, &cassandra.local_datacenter)
}

pub(super) fn keyspace(cassandra: &CassandraSpec, violations: &mut Violations) -> Option<Keyspace> {
    let keyspace = &cassandra.keyspace;
    let path = format!("{CASSANDRA}.keyspace.name");
    let name = violations.parse(&path, &rules::IDENTIFIER, &keyspace.name);
    violations.require(!keyspace.name.starts_with("system"), path, &rules::SYSTEM_KEYSPACE);
    let replication =
        match &keyspace.replication {
            Some(spec) => {
                let replication = replication(spec);
                violations.require(
                    replication.is_some(),
                    format!("{CASSANDRA}.keyspace.replication"),
                    &rules::REPLICATION,
                );
                replication
            }
            // An invalid local datacenter is reported with the connection.
            None => cassandra.local_datacenter.parse().ok().map(|datacenter| {
                Replication::NetworkTopology(BTreeMap::from([(datacenter, DEFAULT_COPIES)]))
            }),
        };
    Some(Keyspace {
        name: name?,
        replication: replication?,
        management: keyspace.management_policy,
        deletion: keyspace.deletion_policy,
    })
}

fn replication(spec: &ReplicationSpec) -> Option<Replication> {
    let copies = |value: &ReplicationValue| match value {
        ReplicationValue::Copies(number) => {
            u16::try_from(*number).ok().filter(|copies| *copies <= MOST_COPIES).and_then(NonZeroU16::new)
        }
        ReplicationValue::Class(_) => None,
    };
    let mut entries = spec.entries.clone();
    let Some(ReplicationValue::Class(class)) = entries.remove("class") else { return None };
    match class.as_str() {
        "SimpleStrategy" => match entries.get("replication_factor") {
            Some(value) if entries.len() == 1 => copies(value).map(Replication::Simple),
            _ => None,
        },
        "NetworkTopologyStrategy" => {
            if entries.is_empty() || entries.contains_key("replication_factor") {
                return None;
            }
            let datacenters = entries
                .iter()
                .map(|(name, value)| Some((name.parse().ok()?, copies(value)?)))
                .collect::<Option<_>>()?;
            Some(Replication::NetworkTopology(datacenters))
        }
        _ => None,
    }
}

pub(super) fn table(
    cassandra: &CassandraSpec,
    declared: &DeclaredFields<'_>,
    guarantee: Guarantee,
    violations: &mut Violations,
) -> Option<Table> {
    let spec = &cassandra.table;
    let keyspace = cassandra.keyspace.name.parse().ok();
    let name = violations.parse(format!("{CASSANDRA}.table.name"), &rules::IDENTIFIER, &spec.name);
    let columns =
        if spec.columns.is_empty() { natural_columns(declared) } else { columns(spec, declared, violations) };
    let keys = keys(spec, declared, guarantee, violations);
    let options = options(&spec.options, violations);
    let write_time = match &cassandra.writetime_from {
        None => Some(WriteTime::LogTimestamp),
        Some(field) => {
            let write_time = declared.write_time(field);
            if write_time.is_none() {
                violations.refuse_because(
                    format!("{CASSANDRA}.writetimeFrom"),
                    &rules::WRITETIME_REQUIRED,
                    Found(field),
                );
            }
            write_time
        }
    };
    let (partition_key, clustering_key) = keys?;
    Some(Table {
        keyspace: keyspace?,
        name: name?,
        columns: columns?,
        partition_key,
        clustering_key,
        evolution: spec.evolution,
        options: options?,
        adoption: spec.adoption_policy,
        deletion: spec.deletion_policy,
        write_time: write_time?,
    })
}

fn natural_columns(declared: &DeclaredFields<'_>) -> Option<Vec<Column>> {
    declared
        .all()
        .iter()
        .enumerate()
        .map(|(index, field)| {
            // An invalid name is reported with the field.
            let name = field.name.parse().ok()?;
            Some(Column { name, cql_type: field.field_type.natural_cql_type(), field: index })
        })
        .collect()
}

fn columns(
    spec: &TableSpec,
    declared: &DeclaredFields<'_>,
    violations: &mut Violations,
) -> Option<Vec<Column>> {
    let built: Vec<Column> = spec
        .columns
        .iter()
        .enumerate()
        .filter_map(|(index, column)| {
            let path = format!("{CASSANDRA}.table.columns[{index}]");
            let name = violations.parse(format!("{path}.name"), &rules::IDENTIFIER, &column.name);
            let Some((field, spec)) = declared.get(field_of(column)) else {
                violations.refuse_because(path, &rules::COLUMN_FIELD_EXISTS, Found(field_of(column)));
                return None;
            };
            let cql_type = column.cql_type.unwrap_or(spec.field_type.natural_cql_type());
            let fits = spec.field_type.cql_types().contains(&cql_type)
                || (column.cast && spec.field_type.castable_cql_types().contains(&cql_type));
            if !fits {
                let detail = format!(
                    "field {} is {}, the column is {}",
                    spec.name,
                    spec.field_type.name(),
                    cql_type.name()
                );
                violations.refuse_because(format!("{path}.type"), &rules::COLUMN_TYPE_FITS, detail);
            }
            Some(Column { name: name?, cql_type: fits.then_some(cql_type)?, field })
        })
        .collect();
    (built.len() == spec.columns.len()).then_some(built)
}

pub(super) fn field_of(column: &ColumnSpec) -> &str {
    column.field.as_deref().unwrap_or(&column.name)
}

fn keys(
    spec: &TableSpec,
    declared: &DeclaredFields<'_>,
    guarantee: Guarantee,
    violations: &mut Violations,
) -> Option<(Vec<usize>, Vec<usize>)> {
    let mut taken = BTreeSet::new();
    let mut key = |list: &[String], list_name: &str| -> Option<Vec<usize>> {
        let built: Vec<usize> = list
            .iter()
            .enumerate()
            .filter_map(|(index, name)| {
                let path = format!("{CASSANDRA}.table.{list_name}[{index}]");
                violations.require(taken.insert(name.clone()), path.as_str(), &rules::KEY_COLUMN_ONCE);
                key_column(spec, name, &path, declared, guarantee, violations)
            })
            .collect();
        (built.len() == list.len()).then_some(built)
    };
    let partition_key = key(&spec.partition_key, "partitionKey");
    let clustering_key = key(&spec.clustering_key, "clusteringKey");
    violations.require(
        !spec.partition_key.is_empty(),
        format!("{CASSANDRA}.table.partitionKey"),
        &rules::KEY_COLUMN_EXISTS,
    );
    Some((partition_key?, clustering_key?)).filter(|(partition_key, _)| !partition_key.is_empty())
}

fn key_column(
    spec: &TableSpec,
    name: &str,
    path: &str,
    declared: &DeclaredFields<'_>,
    guarantee: Guarantee,
    violations: &mut Violations,
) -> Option<usize> {
    let column = if spec.columns.is_empty() {
        declared.get(name).map(|(index, _)| (index, name))
    } else {
        spec.columns
            .iter()
            .enumerate()
            .find(|(_, column)| column.name == name)
            .map(|(index, column)| (index, field_of(column)))
    };
    let Some((index, field_name)) = column else {
        violations.refuse_because(path, &rules::KEY_COLUMN_EXISTS, Found(name));
        return None;
    };
    // A column without a field is reported with the column.
    let (_, field) = declared.get(field_name)?;
    violations.require(field.required, path, &rules::KEY_COLUMN_REQUIRED);
    let stable = guarantee == Guarantee::AtLeastOnce || !differs_when_read_again(field);
    violations.require(stable, path, &rules::KEY_FROM_SOURCE_DATA);
    Some(index)
}

fn options(options: &TableOptionsSpec, violations: &mut Violations) -> Option<TableOptions> {
    let mut seconds = |name: &str, number: Option<i32>| match number {
        None => Some(None),
        Some(number) => violations
            .number::<i32, u32>(&format!("{CASSANDRA}.table.options.{name}"), number)
            .map(|seconds| Some(Duration::from_secs(seconds.into()))),
    };
    let default_time_to_live = seconds("default_time_to_live", options.default_time_to_live);
    let gc_grace = seconds("gc_grace_seconds", options.gc_grace_seconds);
    Some(TableOptions {
        default_time_to_live: default_time_to_live?,
        comment: options.comment.clone(),
        gc_grace: gc_grace?,
        compaction: (!options.compaction.is_empty()).then(|| options.compaction.clone()),
    })
}
