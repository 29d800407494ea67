//! The writes of the pipeline itself: its finalizer and its status.

use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde_json::json;
use userstream_crds::UserStreamPipeline;
use userstream_crds::names::{FIELD_MANAGER, FINALIZER};

use crate::model::pipeline_key::PipelineKey;
use crate::runtime::apply::request::{self, Version};

/// Why the pipeline itself could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the pipeline's {what} cannot be written: {source}")]
pub(crate) struct PipelineWriteError {
    /// The part of the pipeline.
    what: &'static str,
    /// The error of the client.
    source: Box<kube::Error>,
}

fn api(client: &Client, key: &PipelineKey) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), &key.namespace, &ApiResource::erase::<UserStreamPipeline>(&()))
}

/// Adds or removes the finalizer. The API server refuses it when the pipeline has changed since the plan. Returns the
/// new version; `None` when the pipeline is gone.
pub(crate) async fn write_finalizer(
    client: &Client,
    key: &PipelineKey,
    resource: &UserStreamPipeline,
    is_added: bool,
) -> Result<Version, PipelineWriteError> {
    let others = resource.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).cloned();
    let finalizers: Vec<String> = others.chain(is_added.then(|| FINALIZER.to_owned())).collect();
    let patch = json!({"metadata": {
        "finalizers": finalizers,
        "resourceVersion": resource.metadata.resource_version,
        "uid": resource.metadata.uid,
    }});
    let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let patch = request::of(&api(client, key)).patch(&key.name, &parameters, &Patch::Merge(&patch));
    version("finalizer", request::send(client, patch).await)
}

/// Writes the status. Returns the pipeline's new version; `None` when the pipeline is gone. The UID protects another
/// pipeline that was created under its name.
pub(crate) async fn write_status(
    client: &Client,
    key: &PipelineKey,
    uid: &str,
    status: &impl Serialize,
) -> Result<Version, PipelineWriteError> {
    let body = json!({
        "apiVersion": UserStreamPipeline::api_version(&()),
        "kind": UserStreamPipeline::kind(&()),
        "metadata": {"name": key.name, "namespace": key.namespace, "uid": uid},
        "status": status,
    });
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    let of = request::of(&api(client, key));
    let patch = of.patch_subresource("status", &key.name, &parameters, &Patch::Apply(&body));
    version("status", request::send(client, patch).await)
}

fn version(what: &'static str, written: Result<Version, kube::Error>) -> Result<Version, PipelineWriteError> {
    match written {
        Ok(version) => Ok(version),
        Err(kube::Error::Api(gone)) if gone.code == 404 => Ok(None),
        Err(source) => Err(PipelineWriteError { what, source: Box::new(source) }),
    }
}
