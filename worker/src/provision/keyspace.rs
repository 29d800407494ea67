//! The diff of a keyspace: desired, observed, and the change. Pure.
//!
//! A keyspace is created but never altered: a change of its replication moves the data of every table in it.

use std::collections::BTreeMap;
use std::fmt;

use userstream_crds::identifier::{DatacenterName, Identifier};
use userstream_crds::model::{Keyspace, KeyspaceManagementPolicy, Replication};

/// An existing keyspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedKeyspace {
    /// The replication map of CQL: `class`, and the number of replicas per datacenter.
    pub replication: BTreeMap<String, String>,
}

/// The number of nodes per datacenter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datacenters(pub BTreeMap<String, usize>);

/// The plan for a keyspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyspacePlan {
    /// Whether it is created.
    pub create: bool,
    /// A difference in its replication, which is reported and not changed.
    pub drift: Option<ReplicationDrift>,
}

/// A keyspace whose replication differs from the declared one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicationDrift {
    observed: BTreeMap<String, String>,
    desired: BTreeMap<String, String>,
}

/// Why a keyspace cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyspaceRefusal {
    /// It does not exist, and must not be created.
    #[error("keyspace {keyspace} does not exist, and managementPolicy: Observe does not create it")]
    Missing {
        /// The keyspace.
        keyspace: Identifier,
    },
    /// The cluster does not have a datacenter of the replication.
    #[error(
        "keyspace {keyspace} is replicated to datacenter {datacenter}, which the cluster does not have: use one of {}",
        existing.join(", ")
    )]
    UnknownDatacenter {
        /// The keyspace.
        keyspace: Identifier,
        /// The datacenter.
        datacenter: DatacenterName,
        /// The datacenters of the cluster.
        existing: Vec<String>,
    },
    /// There are fewer nodes than replicas.
    #[error(
        "keyspace {keyspace} has {replicas} replicas in {place}, which has {nodes} nodes: declare at most {nodes}"
    )]
    TooFewNodes {
        /// The keyspace.
        keyspace: Identifier,
        /// The declared number of replicas.
        replicas: u16,
        /// The datacenter, or the whole cluster.
        place: String,
        /// The number of its nodes.
        nodes: usize,
    },
}

/// Plans the change of a keyspace. `datacenters` is `None` where replication has no effect.
///
/// # Errors
/// When the keyspace cannot be used or created as declared, so that nothing must be changed.
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
    let observed = normalized(&observed.replication);
    let desired = normalized(&replication_map(&desired.replication));
    // Without an effect of replication there is no drift to report.
    let has_drifted = observed != desired && datacenters.is_some();
    Ok(KeyspacePlan { create: false, drift: has_drifted.then_some(ReplicationDrift { observed, desired }) })
}

/// The replication map of CQL.
pub(super) fn replication_map(replication: &Replication) -> BTreeMap<String, String> {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    match replication {
        Replication::NetworkTopology(replicas) => [pair("class", "NetworkTopologyStrategy".to_owned())]
            .into_iter()
            .chain(replicas.iter().map(|(datacenter, count)| pair(datacenter.as_str(), count.to_string())))
            .collect(),
        Replication::Simple(replicas) => {
            [pair("class", "SimpleStrategy".to_owned()), pair("replication_factor", replicas.to_string())]
                .into()
        }
    }
}

/// The replication without the Java package that Cassandra adds to the class.
fn normalized(replication: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let value = |name: &str, value: &str| match name {
        "class" => value.rsplit('.').next().unwrap_or(value).to_owned(),
        _ => value.to_owned(),
    };
    replication.iter().map(|(name, text)| (name.clone(), value(name, text))).collect()
}

fn check_replication(desired: &Keyspace, datacenters: &Datacenters) -> Result<(), KeyspaceRefusal> {
    let check = |replicas: u16, place: String, nodes: usize| {
        if usize::from(replicas) <= nodes {
            return Ok(());
        }
        Err(KeyspaceRefusal::TooFewNodes { keyspace: desired.name.clone(), replicas, place, nodes })
    };
    match &desired.replication {
        Replication::Simple(replicas) => {
            check(replicas.get(), "the cluster".to_owned(), datacenters.0.values().sum())
        }
        Replication::NetworkTopology(replicas) => replicas.iter().try_for_each(|(datacenter, replicas)| {
            let nodes =
                datacenters.0.get(datacenter.as_str()).ok_or_else(|| KeyspaceRefusal::UnknownDatacenter {
                    keyspace: desired.name.clone(),
                    datacenter: datacenter.clone(),
                    existing: datacenters.0.keys().cloned().collect(),
                })?;
            check(replicas.get(), format!("datacenter {datacenter}"), *nodes)
        }),
    }
}

/// The creation of a keyspace, for people.
pub(super) fn describe_creation(keyspace: &Keyspace) -> String {
    format!(
        "keyspace {}: create, replication {}",
        keyspace.name,
        MapText(&replication_map(&keyspace.replication))
    )
}

impl fmt::Display for ReplicationDrift {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (observed, desired) = (MapText(&self.observed), MapText(&self.desired));
        write!(
            formatter,
            "replication is {observed}, declared is {desired}; change it with ALTER KEYSPACE and repair"
        )
    }
}

struct MapText<'a>(&'a BTreeMap<String, String>);

impl fmt::Display for MapText<'_> {
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

    fn replicas(count: u16) -> NonZeroU16 {
        NonZeroU16::new(count).unwrap()
    }

    fn in_dc1(count: u16) -> Replication {
        Replication::NetworkTopology([("dc1".parse().unwrap(), replicas(count))].into())
    }

    fn live(datacenters: &[(&str, usize)]) -> Datacenters {
        Datacenters(datacenters.iter().map(|(name, nodes)| ((*name).to_owned(), *nodes)).collect())
    }

    fn refusal(replication: Replication, datacenters: &[(&str, usize)]) -> String {
        plan(&keyspace(replication), None, Some(&live(datacenters))).unwrap_err().to_string()
    }

    #[test]
    fn missing_keyspace_is_created_when_the_nodes_suffice() {
        let created = Ok(KeyspacePlan { create: true, drift: None });
        let nodes = live(&[("dc1", 3), ("dc2", 1)]);
        assert_eq!(plan(&keyspace(in_dc1(3)), None, Some(&nodes)), created);
        assert_eq!(plan(&keyspace(Replication::Simple(replicas(4))), None, Some(&nodes)), created);
        assert_eq!(plan(&keyspace(in_dc1(3)), None, None), created);
    }

    #[test]
    fn more_replicas_than_nodes_are_refused_with_the_maximum() {
        assert_eq!(
            refusal(in_dc1(3), &[("dc1", 1)]),
            "keyspace spark_streams has 3 replicas in datacenter dc1, which has 1 nodes: declare at most 1"
        );
        assert_eq!(
            refusal(Replication::Simple(replicas(5)), &[("dc1", 3), ("dc2", 1)]),
            "keyspace spark_streams has 5 replicas in the cluster, which has 4 nodes: declare at most 4"
        );
    }

    #[test]
    fn unknown_datacenter_is_refused_with_the_existing_ones() {
        assert_eq!(
            refusal(in_dc1(1), &[("datacenter1", 1), ("eu", 3)]),
            "keyspace spark_streams is replicated to datacenter dc1, which the cluster does not have: use one of \
             datacenter1, eu"
        );
    }

    #[test]
    fn observed_keyspace_is_never_created() {
        let observed = Keyspace { management: KeyspaceManagementPolicy::Observe, ..keyspace(in_dc1(1)) };
        let refusal = plan(&observed, None, Some(&live(&[("dc1", 1)]))).unwrap_err();
        assert!(matches!(refusal, KeyspaceRefusal::Missing { .. }), "{refusal}");
    }

    #[test]
    fn existing_keyspace_is_never_altered() {
        let observed = |class: &str, replicas: &str| ObservedKeyspace {
            replication: [("class".to_owned(), class.to_owned()), ("dc1".to_owned(), replicas.to_owned())]
                .into(),
        };
        let class = "org.apache.cassandra.locator.NetworkTopologyStrategy";
        // A keyspace that could not be created this way is still used.
        let nodes = live(&[("dc1", 1)]);
        let same = plan(&keyspace(in_dc1(3)), Some(&observed(class, "3")), Some(&nodes)).unwrap();
        assert_eq!(same, KeyspacePlan { create: false, drift: None });
        let other = plan(&keyspace(in_dc1(3)), Some(&observed(class, "1")), Some(&nodes)).unwrap();
        assert!(!other.create);
        assert_eq!(
            other.drift.unwrap().to_string(),
            "replication is {class: NetworkTopologyStrategy, dc1: 1}, declared is {class: NetworkTopologyStrategy, \
             dc1: 3}; change it with ALTER KEYSPACE and repair"
        );
    }
}
