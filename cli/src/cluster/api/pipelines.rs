//! Reads and patches pipelines as dynamic objects, which covers resources of other versions too.

use kube::Api;
use kube::ResourceExt;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use serde_json::Value;
use userstream_crds::UserStreamPipeline;

use super::connection::Connection;
use super::error::{ClusterError, near};

/// The number of attempts at a patch that conflicts with another client.
const ATTEMPTS: usize = 8;

/// The API resource of pipelines.
pub(crate) fn resource() -> ApiResource {
    ApiResource::erase::<UserStreamPipeline>(&())
}

impl Connection {
    /// The pipelines of a namespace.
    pub(crate) fn pipelines_in(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &resource())
    }

    /// The pipelines of the namespace of the command.
    pub(crate) fn pipelines(&self) -> Api<DynamicObject> {
        self.pipelines_in(&self.namespace)
    }

    /// The pipelines of all namespaces.
    pub(crate) fn all_pipelines(&self) -> Api<DynamicObject> {
        Api::all_with(self.client.clone(), &resource())
    }

    /// The error of a failed request for pipelines. Without the CustomResourceDefinition every request gets a 404.
    pub(crate) fn pipelines_failed(&self, error: kube::Error) -> ClusterError {
        match error {
            kube::Error::Api(status) if status.code == 404 => ClusterError::NotInstalled,
            error => self.failed(error),
        }
    }

    /// Lists pipelines, sorted by namespace and name.
    pub(crate) async fn list(
        &self,
        pipelines: &Api<DynamicObject>,
    ) -> Result<Vec<DynamicObject>, ClusterError> {
        // Pages bound the memory of the API server.
        let mut parameters = ListParams::default().limit(500);
        let mut all = Vec::new();
        loop {
            let page = pipelines.list(&parameters).await.map_err(|error| self.pipelines_failed(error))?;
            let next = page.metadata.continue_.clone().filter(|token| !token.is_empty());
            all.extend(page.items);
            match next {
                Some(token) => parameters.continue_token = Some(token),
                None => break,
            }
        }
        all.sort_by_key(|pipeline| (pipeline.namespace(), pipeline.name_any()));
        Ok(all)
    }

    /// Reads a pipeline; the error suggests similar names.
    pub(crate) async fn pipeline(&self, name: &str) -> Result<DynamicObject, ClusterError> {
        let found = self.pipelines().get_opt(name).await.map_err(|error| self.pipelines_failed(error))?;
        match found {
            Some(pipeline) => Ok(pipeline),
            None => Err(self.not_found(name).await),
        }
    }

    async fn not_found(&self, name: &str) -> ClusterError {
        let here: Vec<String> = match self.list(&self.pipelines()).await {
            Ok(pipelines) => pipelines.iter().map(ResourceExt::name_any).collect(),
            Err(error @ ClusterError::NotInstalled) => return error,
            // A user may have get without list.
            Err(_) => Vec::new(),
        };
        let namespaces = match self.list(&self.all_pipelines()).await {
            Ok(all) => {
                all.iter().filter(|it| it.name_any() == name).filter_map(ResourceExt::namespace).collect()
            }
            Err(_) => Vec::new(),
        };
        ClusterError::NotFound {
            near: near(name, &here),
            name: name.to_owned(),
            namespace: self.namespace.clone(),
            namespaces,
        }
    }

    /// Patches a pipeline with optimistic locking: computes the patch from the live object, and retries on a conflict.
    /// Returns `None` where `patch` returns `None`.
    pub(crate) async fn change(
        &self,
        name: &str,
        patch: impl Fn(&DynamicObject) -> Result<Option<Value>, ClusterError>,
    ) -> Result<Option<DynamicObject>, ClusterError> {
        for _ in 0..ATTEMPTS {
            let before = self.pipeline(name).await?;
            let Some(mut change) = patch(&before)? else { return Ok(None) };
            if let Some(change) = change.as_object_mut() {
                change.insert(
                    "metadata".to_owned(),
                    serde_json::json!({"resourceVersion": before.metadata.resource_version}),
                );
            }
            let parameters = PatchParams { field_manager: Some("usp".to_owned()), ..PatchParams::default() };
            match self.pipelines().patch(name, &parameters, &Patch::Merge(&change)).await {
                Ok(after) => return Ok(Some(after)),
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        Err(ClusterError::Conflict { name: name.to_owned() })
    }
}
