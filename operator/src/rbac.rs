//! What the operator may do, and why. The chart's roles are generated from this: a verb that is not here is refused by the
//! API server, and one that is here without being used is found by whoever reads this beside the code.
//!
//! There is no verb on Secrets, none on pods' logs, exec or ephemeral containers, and none on anything of the cluster's.

use std::fmt::Write;

/// What may be done with some resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where it applies.
    pub place: Place,
    /// The API group; empty for the core.
    pub group: &'static str,
    /// The resources, in the plural.
    pub resources: &'static [&'static str],
    /// What may be done with them.
    pub verbs: &'static [&'static str],
    /// What for.
    pub why: &'static str,
}

/// Where a rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In every namespace that is watched.
    Watched,
    /// In every namespace that is watched, when NetworkPolicies are made.
    WatchedWithNetworkPolicies,
    /// In the operator's own namespace.
    Own,
    /// There, for what has the operator's own name.
    OwnByName,
}

/// What is not there is created. Before what is there is applied again, it is asked whose it is, and which of its fields.
const MAKE_AND_DELETE: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];

/// Everything that the operator may do.
pub const RULES: &[Rule] = &[
    Rule {
        place: Place::Watched,
        group: "userstream.dev",
        resources: &["userstreampipelines"],
        verbs: &["list", "watch", "patch"],
        why: "reads the pipelines; patches nothing of them but the finalizer of those that delete what they created",
    },
    Rule {
        place: Place::Watched,
        group: "userstream.dev",
        resources: &["userstreampipelines/status"],
        verbs: &["patch"],
        why: "tells how a pipeline stands",
    },
    Rule {
        place: Place::Watched,
        group: "",
        resources: &["configmaps"],
        verbs: MAKE_AND_DELETE,
        why: "the workers' configuration; it names Secrets and contains none",
    },
    Rule {
        place: Place::Watched,
        group: "batch",
        resources: &["jobs", "cronjobs"],
        verbs: MAKE_AND_DELETE,
        why: "provisioning, single runs, cleanup; the producer of a scheduled source",
    },
    Rule {
        place: Place::Watched,
        group: "apps",
        resources: &["deployments"],
        verbs: MAKE_AND_DELETE,
        why: "processors, and the producer of a continuous source",
    },
    Rule {
        place: Place::Watched,
        group: "policy",
        resources: &["poddisruptionbudgets"],
        verbs: MAKE_AND_DELETE,
        why: "draining a node takes one processor of a pipeline at a time",
    },
    Rule {
        place: Place::Watched,
        group: "",
        resources: &["pods"],
        verbs: &["list", "watch"],
        why: "why a worker does not start, what it reported at its end, and where its status is served",
    },
    Rule {
        place: Place::Watched,
        group: "monitoring.coreos.com",
        resources: &["podmonitors"],
        verbs: MAKE_AND_DELETE,
        why: "observability.podMonitor, where the Prometheus operator is installed",
    },
    Rule {
        place: Place::Watched,
        group: "kafka.strimzi.io",
        resources: &["kafkatopics"],
        verbs: MAKE_AND_DELETE,
        why: "topic.managementPolicy Strimzi, where Strimzi is installed",
    },
    Rule {
        place: Place::Watched,
        group: "events.k8s.io",
        resources: &["events"],
        verbs: &["create", "patch"],
        why: "tells of each step; patches to count repetitions",
    },
    Rule {
        place: Place::WatchedWithNetworkPolicies,
        group: "networking.k8s.io",
        resources: &["networkpolicies"],
        verbs: MAKE_AND_DELETE,
        why: "closes the workers' pods to everything but their status port",
    },
    Rule {
        place: Place::Own,
        group: "coordination.k8s.io",
        resources: &["leases"],
        verbs: &["create"],
        why: "several replicas elect their leader; what does not exist yet cannot be granted by its name",
    },
    Rule {
        place: Place::OwnByName,
        group: "coordination.k8s.io",
        resources: &["leases"],
        verbs: &["get", "patch"],
        why: "the leader renews the lease, the others wait until it runs out",
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
    fn no_rule_reaches_secrets_or_other_tenants_pods_or_everything() {
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
    fn what_is_made_and_deleted_is_every_kind_that_a_pipeline_owns_and_no_other() {
        let made = RULES.iter().filter(|rule| rule.verbs == MAKE_AND_DELETE);
        let made = made.flat_map(|rule| {
            rule.resources.iter().map(|resource| (rule.group.to_owned(), (*resource).to_owned()))
        });
        let owned = Kind::ALL.map(|kind| kind.api(None)).map(|api| (api.group, api.plural));
        assert_eq!(made.collect::<BTreeSet<_>>(), BTreeSet::from(owned));
    }

    #[test]
    fn the_rules_of_the_chart_are_these() {
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
