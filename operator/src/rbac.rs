//! The operator's RBAC rules, each with its reason. The chart's roles are generated from them.
//!
//! The operator has no right on Secrets, on the logs, exec or ephemeral containers of pods, or on cluster-wide
//! resources.

use std::fmt::Write;

/// A rule of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where it applies.
    pub place: Place,
    /// The API group; empty for the core.
    pub group: &'static str,
    /// The resources, in the plural.
    pub resources: &'static [&'static str],
    /// The verbs on them.
    pub verbs: &'static [&'static str],
    /// Why the operator needs it.
    pub why: &'static str,
}

/// Where a rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In every watched namespace.
    Watched,
    /// In every watched namespace, when the operator creates NetworkPolicies.
    WatchedWithNetworkPolicies,
    /// In the operator's own namespace.
    Own,
    /// In the operator's own namespace, for objects with its own name.
    OwnByName,
}

/// The verbs on a kind that the operator manages. `get` reads the owner and the managed fields of an existing object.
const MANAGE: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];

/// All rules.
pub const RULES: &[Rule] = &[
    Rule {
        place: Place::Watched,
        group: "userstream.dev",
        resources: &["userstreampipelines"],
        verbs: &["list", "watch", "patch"],
        why: "reads the pipelines; patches only the finalizer of those that delete what they created",
    },
    Rule {
        place: Place::Watched,
        group: "userstream.dev",
        resources: &["userstreampipelines/status"],
        verbs: &["patch"],
        why: "reports the state of a pipeline",
    },
    Rule {
        place: Place::Watched,
        group: "",
        resources: &["configmaps"],
        verbs: MANAGE,
        why: "the workers' configuration; it names Secrets and contains none",
    },
    Rule {
        place: Place::Watched,
        group: "batch",
        resources: &["jobs", "cronjobs"],
        verbs: MANAGE,
        why: "provisioning, manual runs, cleanup; the producer of a scheduled source",
    },
    Rule {
        place: Place::Watched,
        group: "apps",
        resources: &["deployments"],
        verbs: MANAGE,
        why: "processors, and the producer of a continuous source",
    },
    Rule {
        place: Place::Watched,
        group: "policy",
        resources: &["poddisruptionbudgets"],
        verbs: MANAGE,
        why: "the drain of a node takes one processor of a pipeline at a time",
    },
    Rule {
        place: Place::Watched,
        group: "",
        resources: &["pods"],
        verbs: &["list", "watch"],
        why: "why a worker does not start, what it reported when it terminated, and the address of its status",
    },
    Rule {
        place: Place::Watched,
        group: "monitoring.coreos.com",
        resources: &["podmonitors"],
        verbs: MANAGE,
        why: "observability.podMonitor, where the Prometheus operator is installed",
    },
    Rule {
        place: Place::Watched,
        group: "kafka.strimzi.io",
        resources: &["kafkatopics"],
        verbs: MANAGE,
        why: "topic.managementPolicy Strimzi, where Strimzi is installed",
    },
    Rule {
        place: Place::Watched,
        group: "events.k8s.io",
        resources: &["events"],
        verbs: &["create", "patch"],
        why: "reports each step; patches count repetitions",
    },
    Rule {
        place: Place::WatchedWithNetworkPolicies,
        group: "networking.k8s.io",
        resources: &["networkpolicies"],
        verbs: MANAGE,
        why: "limits ingress of the workers' pods to their status port",
    },
    Rule {
        place: Place::Own,
        group: "coordination.k8s.io",
        resources: &["leases"],
        verbs: &["create"],
        why: "leader election; a right to create cannot be limited to a name",
    },
    Rule {
        place: Place::OwnByName,
        group: "coordination.k8s.io",
        resources: &["leases"],
        verbs: &["get", "patch"],
        why: "the leader renews the Lease, the other replicas wait until it expires",
    },
];

/// The rules of a place, as a YAML list.
#[must_use]
pub fn yaml(place: Place) -> String {
    let list = |words: &[&str]| words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ");
    RULES.iter().filter(|rule| rule.place == place).fold(String::new(), |mut text, rule| {
        let _ = writeln!(text, "# {}", rule.why);
        let _ = writeln!(text, "- apiGroups: [{:?}]", rule.group);
        let _ = writeln!(text, "  resources: [{}]", list(rule.resources));
        let _ = writeln!(text, "  verbs: [{}]", list(rule.verbs));
        text
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::kind::Kind;

    #[test]
    fn no_rule_covers_secrets_nodes_or_wildcards() {
        for rule in RULES {
            for resource in rule.resources {
                assert!(
                    !["secrets", "serviceaccounts", "pods/exec", "pods/log", "nodes", "*"].contains(resource),
                    "{rule:?}"
                );
            }
            assert!(!rule.verbs.contains(&"*") && !rule.group.contains('*'), "{rule:?}");
            assert!(
                !rule.resources.contains(&"pods")
                    || rule.verbs.iter().all(|verb| ["list", "watch"].contains(verb))
            );
        }
    }

    #[test]
    fn operator_manages_exactly_the_kinds_that_pipelines_own() {
        let managed = RULES.iter().filter(|rule| rule.verbs == MANAGE);
        let managed = managed.flat_map(|rule| {
            rule.resources.iter().map(|resource| (rule.group.to_owned(), (*resource).to_owned()))
        });
        let owned = Kind::ALL.map(|kind| kind.api(None)).map(|api| (api.group, api.plural));
        assert_eq!(managed.collect::<BTreeSet<_>>(), BTreeSet::from(owned));
    }

    #[test]
    fn roles_of_the_chart_are_generated_from_the_rules() {
        let files = [
            (Place::Watched, "watched"),
            (Place::WatchedWithNetworkPolicies, "watched-with-network-policies"),
            (Place::Own, "own"),
            (Place::OwnByName, "own-by-name"),
        ];
        for (place, name) in files {
            let path = format!("{}/../helm/userstream/rules/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
            let wanted = format!(
                "# Generated from operator/src/rbac.rs by `make generate`. Do not edit.\n{}",
                yaml(place)
            );
            if std::env::var_os("UPDATE").is_some() {
                std::fs::write(&path, &wanted).unwrap();
            }
            let found = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(found, wanted, "{path} is not what rbac.rs says: run `make generate`");
        }
    }
}
