//! The settings of an operator, read from its Deployment.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Container;

/// The image of the operator.
pub(crate) fn image(deployment: &Deployment) -> String {
    containers(deployment).find_map(|container| container.image.clone()).unwrap_or_default()
}

/// The value of an environment variable.
pub(crate) fn variable(deployment: &Deployment, name: &str) -> Option<String> {
    let mut variables = containers(deployment).flat_map(|container| container.env.iter().flatten());
    variables.find(|variable| variable.name == name)?.value.clone()
}

fn containers(deployment: &Deployment) -> impl Iterator<Item = &Container> {
    let pod = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    pod.into_iter().flat_map(|pod| pod.containers.iter()).filter(|container| container.name == "operator")
}

/// Whether the operator watches a namespace.
pub(crate) fn watches(deployment: &Deployment, namespace: &str) -> bool {
    variable(deployment, "WATCH_NAMESPACES").is_none_or(|namespaces| {
        namespaces.is_empty() || namespaces.split(',').any(|it| it.trim() == namespace)
    })
}
