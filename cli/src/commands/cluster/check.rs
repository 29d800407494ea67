//! `usp check`: checks that a cluster is ready for pipelines.

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::{ApiResource, DynamicObject, ListParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, CustomResourceExt};
use serde::Serialize;
use userstream_crds::UserStreamPipeline;

use super::document::document;
use crate::arguments::CheckArguments;
use crate::cluster::api::connection::Connection;
use crate::cluster::api::error::ClusterError;
use crate::cluster::api::observe::operator;
use crate::cluster::findings::{
    Cluster, Definition, Finding, Permission, REQUIRED_PERMISSIONS, findings, to_text,
};
use crate::cluster::state::State;
use crate::commands::CommandError;
use crate::exit::Exit;
use crate::terminal::style::Style;
use crate::terminal::{Terminal, print};

#[derive(Serialize)]
struct Report<'f> {
    server: &'f str,
    namespace: &'f str,
    usable: bool,
    findings: &'f [Finding],
}

/// Prints the findings about a cluster.
pub(super) async fn check(arguments: &CheckArguments, terminal: Terminal) -> Result<Exit, CommandError> {
    let connection = Connection::open(&arguments.cluster).await?;
    let cluster = read(&connection).await?;
    let findings = findings(&cluster);
    let usable = findings.iter().all(|finding| finding.state != State::Broken);
    let report =
        Report { server: &connection.server, namespace: &connection.namespace, usable, findings: &findings };
    print(
        &document(&report, arguments.output).unwrap_or_else(|| to_text(&findings, Style(terminal.coloured))),
    )?;
    Ok(if usable { Exit::Done } else { Exit::NotReady })
}

/// Reads the facts that the checks permission.
async fn read(connection: &Connection) -> Result<Cluster, ClusterError> {
    let version = connection.client.apiserver_version().await.map_err(|error| connection.failed(error))?;
    let definition = definition(connection).await?;
    let mut permissions = Vec::new();
    for permission in REQUIRED_PERMISSIONS {
        permissions.push((permission, is_allowed(connection, permission).await?));
    }
    Ok(Cluster {
        server: connection.server.clone(),
        namespace: connection.namespace.clone(),
        major: version.major,
        minor: version.minor,
        version: version.git_version,
        definition,
        permissions,
        operator: operator(connection).await?,
    })
}

async fn definition(connection: &Connection) -> Result<Definition, ClusterError> {
    let kind = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    let definitions: Api<DynamicObject> =
        Api::all_with(connection.client.clone(), &ApiResource::from_gvk(&kind));
    match definitions.get_opt(UserStreamPipeline::crd_name()).await.map_err(|error| connection.failed(error))
    {
        Ok(Some(found)) => Ok(Definition::Found(Box::new(found))),
        Ok(None) => Ok(Definition::NotInstalled),
        // Without the right to read the definition, a request for pipelines shows whether it is installed.
        Err(ClusterError::Forbidden { .. }) => {
            let one = connection.pipelines().list(&ListParams::default().limit(1)).await;
            Ok(match one.map_err(|error| connection.pipelines_failed(error)) {
                Err(ClusterError::NotInstalled) => Definition::NotInstalled,
                _ => Definition::Forbidden,
            })
        }
        Err(error) => Err(error),
    }
}

async fn is_allowed(connection: &Connection, permission: &Permission) -> Result<bool, ClusterError> {
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                namespace: Some(connection.namespace.clone()),
                verb: Some(permission.verb.to_owned()),
                group: Some(permission.group.to_owned()),
                resource: Some(permission.resource.to_owned()),
                subresource: Some(permission.subresource.to_owned()).filter(|it| !it.is_empty()),
                ..ResourceAttributes::default()
            }),
            non_resource_attributes: None,
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(connection.client.clone());
    let answer = reviews.create(&PostParams::default(), &review).await;
    let answer = answer.map_err(|error| connection.failed(error))?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}
