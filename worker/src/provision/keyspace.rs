//! A keyspace as a pipeline wants it, as it is, and what to do about it. Pure.
//!
//! A keyspace is created or used, never altered: to change its replication is to move everybody's data.

use std::collections::BTreeMap;
use std::fmt;

use userstream_crds::identifier::{DatacenterName, Identifier};
use userstream_crds::model::{Keyspace, KeyspaceManagementPolicy, Replication};

/// A keyspace as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedKeyspace {
    /// Its replication as CQL says it: `class`, and a number of copies by datacenter.
    pub replication: BTreeMap<String, String>,
}

/// How many nodes each datacenter has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datacenters(pub BTreeMap<String, usize>);

/// What to do about a keyspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyspacePlan {
    /// Whether it is created.
    pub create: bool,
    /// Its replication, where it is another than the pipeline wants. It is left so.
    pub drift: Option<ReplicationDrift>,
}

/// A keyspace that is replicated otherwise than the pipeline wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicationDrift {
    present: BTreeMap<String, String>,
    wanted: BTreeMap<String, String>,
}

/// Why a keyspace cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyspaceRefusal {
    /// It is not there and is not to be created.
    #[error("keyspace {keyspace} does not exist, and managementPolicy: Observe does not create it")]
    Missing {
        /// The keyspace.
        keyspace: Identifier,
    },
    /// It is to be replicated to a datacenter that the cluster does not have.
    #[error(
        "keyspace {keyspace} is to be replicated to the datacenter {datacenter}, and the cluster has only {}",
        present.join(", ")
    )]
    UnknownDatacenter {
        /// The keyspace.
        keyspace: Identifier,
        /// The datacenter.
        datacenter: DatacenterName,
        /// Those that there are.
        present: Vec<String>,
    },
    /// There are to be more copies than there are nodes to keep them.
    #[error(
        "keyspace {keyspace} is to have {copies} copies in {place}, which has {nodes} nodes: ask for at most {nodes}"
    )]
    TooFewNodes {
        /// The keyspace.
        keyspace: Identifier,
        /// How many copies.
        copies: u16,
        /// The datacenter, or the whole cluster.
        place: String,
        /// How many nodes it has.
        nodes: usize,
    },
}

/// What to do about a keyspace. `datacenters` is none where replication has no effect.
///
/// # Errors
/// When it cannot be used or created as the pipeline wants it. Nothing is to be changed then.
pub fn plan(
    desired: &Keyspace,
    observed: Option<&ObservedKeyspace>,
    datacenters: Option<&Datacenters>,
) -> Result<KeyspacePlan, KeyspaceRefusal> {
    let Some(observed) = observed else {
        return match desired.management {
            KeyspaceManagementPolicy::Observe => {
                Err(KeyspaceRefusal::Missing { keyspace: desired.name.clone() })
            }
            KeyspaceManagementPolicy::Managed => {
                if let Some(datacenters) = datacenters {
                    check_replication(desired, datacenters)?;
                }
                Ok(KeyspacePlan { create: true, drift: None })
            }
        };
    };
    let wanted = replication_map(&desired.replication);
    let same = normal(&observed.replication) == normal(&wanted);
    // Where replication has no effect there is nothing to be different.
    let drift = (!same && datacenters.is_some())
        .then(|| ReplicationDrift { present: normal(&observed.replication), wanted: normal(&wanted) });
    Ok(KeyspacePlan { create: false, drift })
}

/// A replication as CQL says it.
pub(super) fn replication_map(replication: &Replication) -> BTreeMap<String, String> {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    match replication {
        Replication::NetworkTopology(copies) => [pair("class", "NetworkTopologyStrategy".to_owned())]
            .into_iter()
            .chain(copies.iter().map(|(datacenter, copies)| pair(datacenter.as_str(), copies.to_string())))
            .collect(),
        Replication::Simple(copies) => {
            [pair("class", "SimpleStrategy".to_owned()), pair("replication_factor", copies.to_string())]
                .into()
        }
    }
}

/// Cassandra reports the class with its Java package.
fn normal(replication: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let value = |name: &str, value: &str| match name {
        "class" => value.rsplit('.').next().unwrap_or(value).to_owned(),
        _ => value.to_owned(),
    };
    replication.iter().map(|(name, text)| (name.clone(), value(name, text))).collect()
}

fn check_replication(desired: &Keyspace, datacenters: &Datacenters) -> Result<(), KeyspaceRefusal> {
    let enough = |copies: u16, place: String, nodes: usize| {
        if usize::from(copies) <= nodes {
            return Ok(());
        }
        Err(KeyspaceRefusal::TooFewNodes { keyspace: desired.name.clone(), copies, place, nodes })
    };
    match &desired.replication {
        Replication::Simple(copies) => {
            enough(copies.get(), "the cluster".to_owned(), datacenters.0.values().sum())
        }
        Replication::NetworkTopology(copies) => copies.iter().try_for_each(|(datacenter, copies)| {
            let nodes =
                datacenters.0.get(datacenter.as_str()).ok_or_else(|| KeyspaceRefusal::UnknownDatacenter {
                    keyspace: desired.name.clone(),
                    datacenter: datacenter.clone(),
                    present: datacenters.0.keys().cloned().collect(),
                })?;
            enough(copies.get(), format!("datacenter {datacenter}"), *nodes)
        }),
    }
}

/// The creation of a keyspace, for people.
pub(super) fn describe_creation(keyspace: &Keyspace) -> String {
    format!(
        "keyspace {}: create, replication {}",
        keyspace.name,
        Shown(&replication_map(&keyspace.replication))
    )
}

impl fmt::Display for ReplicationDrift {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (present, wanted) = (Shown(&self.present), Shown(&self.wanted));
        write!(
            formatter,
            "replication is {present}, the pipeline wants {wanted}; change it with ALTER KEYSPACE and repair"
        )
    }
}

struct Shown<'a>(&'a BTreeMap<String, String>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        write!(formatter, "{{{}}}", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use userstream_crds::model::DeletionPolicy;

    use super::*;

    fn keyspace(replication: Replication) -> Keyspace {
        Keyspace {
            name: "spark_streams".parse().unwrap(),
            replication,
            management: KeyspaceManagementPolicy::Managed,
            deletion: DeletionPolicy::Retain,
        }
    }

    fn copies(count: u16) -> NonZeroU16 {
        NonZeroU16::new(count).unwrap()
    }

    fn in_dc1(count: u16) -> Replication {
        Replication::NetworkTopology([("dc1".parse().unwrap(), copies(count))].into())
    }

    fn live(datacenters: &[(&str, usize)]) -> Datacenters {
        Datacenters(datacenters.iter().map(|(name, nodes)| ((*name).to_owned(), *nodes)).collect())
    }

    fn refusal(replication: Replication, datacenters: &[(&str, usize)]) -> String {
        plan(&keyspace(replication), None, Some(&live(datacenters))).unwrap_err().to_string()
    }

    #[test]
    fn a_missing_keyspace_is_created_where_the_nodes_are() {
        let created = Ok(KeyspacePlan { create: true, drift: None });
        let nodes = live(&[("dc1", 3), ("dc2", 1)]);
        assert_eq!(plan(&keyspace(in_dc1(3)), None, Some(&nodes)), created);
        assert_eq!(plan(&keyspace(Replication::Simple(copies(4))), None, Some(&nodes)), created);
        assert_eq!(plan(&keyspace(in_dc1(3)), None, None), created);
    }

    #[test]
    fn more_copies_than_nodes_are_refused_with_the_number_that_would_do() {
        assert_eq!(
            refusal(in_dc1(3), &[("dc1", 1)]),
            "keyspace spark_streams is to have 3 copies in datacenter dc1, which has 1 nodes: ask for at most 1"
        );
        assert_eq!(
            refusal(Replication::Simple(copies(5)), &[("dc1", 3), ("dc2", 1)]),
            "keyspace spark_streams is to have 5 copies in the cluster, which has 4 nodes: ask for at most 4"
        );
    }

    #[test]
    fn a_datacenter_that_is_not_there_is_refused_with_those_that_are() {
        assert_eq!(
            refusal(in_dc1(1), &[("datacenter1", 1), ("eu", 3)]),
            "keyspace spark_streams is to be replicated to the datacenter dc1, and the cluster has only datacenter1, eu"
        );
    }

    #[test]
    fn a_keyspace_that_is_only_observed_is_never_created() {
        let observed = Keyspace { management: KeyspaceManagementPolicy::Observe, ..keyspace(in_dc1(1)) };
        let refusal = plan(&observed, None, Some(&live(&[("dc1", 1)]))).unwrap_err();
        assert!(matches!(refusal, KeyspaceRefusal::Missing { .. }), "{refusal}");
    }

    #[test]
    fn a_keyspace_that_is_there_is_left_as_it_is() {
        let present = |class: &str, copies: &str| ObservedKeyspace {
            replication: [("class".to_owned(), class.to_owned()), ("dc1".to_owned(), copies.to_owned())]
                .into(),
        };
        let class = "org.apache.cassandra.locator.NetworkTopologyStrategy";
        // Even where it could not be created so.
        let nodes = live(&[("dc1", 1)]);
        let same = plan(&keyspace(in_dc1(3)), Some(&present(class, "3")), Some(&nodes)).unwrap();
        assert_eq!(same, KeyspacePlan { create: false, drift: None });
        let other = plan(&keyspace(in_dc1(3)), Some(&present(class, "1")), Some(&nodes)).unwrap();
        assert!(!other.create);
        assert_eq!(
            other.drift.unwrap().to_string(),
            "replication is {class: NetworkTopologyStrategy, dc1: 1}, the pipeline wants {class: \
             NetworkTopologyStrategy, dc1: 3}; change it with ALTER KEYSPACE and repair"
        );
    }
}
