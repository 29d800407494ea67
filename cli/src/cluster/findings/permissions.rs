//! The permissions that `usp` uses, and findings about missing ones.

use super::{Cluster, Finding};
use crate::cluster::state::State;

/// A permission in a namespace.
#[derive(Debug)]
pub(crate) struct Permission {
    pub(crate) verb: &'static str,
    pub(crate) group: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) subresource: &'static str,
    /// What does not work without it.
    impact: &'static str,
    /// Whether no command works without it.
    is_essential: bool,
}

const fn pipelines(verb: &'static str, impact: &'static str, is_essential: bool) -> Permission {
    Permission {
        verb,
        group: "userstream.dev",
        resource: "userstreampipelines",
        subresource: "",
        impact,
        is_essential,
    }
}

const fn optional(
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    impact: &'static str,
) -> Permission {
    Permission { verb, group, resource, subresource, impact, is_essential: false }
}

/// The permissions that `usp` uses.
pub(crate) const REQUIRED_PERMISSIONS: &[Permission] = &[
    pipelines("get", "no command works", true),
    pipelines("list", "usp get does not work", true),
    pipelines("create", "you cannot apply pipelines", false),
    pipelines("patch", "usp run, suspend, resume and plan -f do not work", false),
    optional("list", "apps", "deployments", "", "usp status does not show Deployments"),
    optional("list", "batch", "cronjobs", "", "usp status does not show CronJobs"),
    optional("list", "batch", "jobs", "", "usp status does not show Jobs"),
    optional("list", "", "pods", "", "usp status does not show pods, and usp logs does not work"),
    optional("get", "", "pods", "log", "usp logs does not work"),
    optional("get", "", "pods", "proxy", "usp status does not show the status that workers report"),
];

/// Reports each missing permission.
pub(super) fn permissions(cluster: &Cluster) -> Vec<Finding> {
    let check = "permissions";
    let namespace = &cluster.namespace;
    let missing: Vec<Finding> = cluster
        .permissions
        .iter()
        .filter(|(_, is_allowed)| !is_allowed)
        .map(|(permission, _)| {
            let resource = match (permission.resource, permission.subresource, permission.group) {
                (resource, "", "") => resource.to_owned(),
                (resource, "", group) => format!("{resource}.{group}"),
                (resource, subresource, _) => format!("{resource}/{subresource}"),
            };
            let state = if permission.is_essential { State::Broken } else { State::Warning };
            let (verb, impact) = (permission.verb, permission.impact);
            Finding::new(
                state,
                check,
                format!("you may not {verb} {resource} in namespace {namespace}: {impact}"),
            )
        })
        .collect();
    if missing.is_empty() {
        let message = format!("you have all permissions that usp uses in namespace {namespace}");
        return vec![Finding::new(State::Good, check, message)];
    }
    missing
}
