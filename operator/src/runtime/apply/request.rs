//! A write of an object, of which only the version that it came to is asked back: the watches show the rest. An answer with all of the
//! object would be made, sent and read for nothing.

use axum::http;
use axum::http::header::{ACCEPT, HeaderValue};
use kube::Client;
use kube::api::{Api, DynamicObject};
use kube::core::Request;
use serde::Deserialize;

/// An answer without spec and status.
const METADATA: HeaderValue =
    HeaderValue::from_static("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");

/// What is read of the answer.
#[derive(Debug, Deserialize)]
struct Answer {
    metadata: Metadata,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    resource_version: Option<String>,
}

/// The version of an object after a write of it.
pub(crate) type Version = Option<String>;

/// The writes of this kind of object.
pub(crate) fn of(api: &Api<DynamicObject>) -> Request {
    Request::new(api.resource_url())
}

/// Makes a write.
pub(crate) async fn send(
    client: &Client,
    write: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
) -> Result<Version, kube::Error> {
    let mut write = write.map_err(kube::Error::BuildRequest)?;
    write.headers_mut().insert(ACCEPT, METADATA);
    client.request::<Answer>(write).await.map(|answer| answer.metadata.resource_version)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::HeaderMap;
    use axum::routing::any;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::api::{ApiResource, Patch, PatchParams, PostParams};
    use serde_json::json;

    use super::*;
    use crate::runtime::fake_api_server::answering;

    #[tokio::test]
    async fn a_write_asks_for_no_more_than_the_version_that_it_came_to() {
        // All of the object, as a server answers that does not know of anything less.
        let answer = |asked: HeaderMap| async move {
            let version = if asked[ACCEPT] == METADATA { "7" } else { "asked for more" };
            axum::Json(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"},
                "metadata": {"name": "users", "resourceVersion": version, "managedFields": []}}))
        };
        let client = answering(Router::new().route("/{*path}", any(answer))).await;
        let api = Api::namespaced_with(client.clone(), "demo", &ApiResource::erase::<ConfigMap>(&()));
        let (body, name) = (json!({"metadata": {"name": "users"}}), "users");
        let (posts, patches) = (PostParams::default(), PatchParams::default());
        let patch = Patch::Merge(&body);
        let versions = [
            send(&client, of(&api).create(&posts, serde_json::to_vec(&body).unwrap())).await,
            send(&client, of(&api).patch(name, &patches, &patch)).await,
            send(&client, of(&api).patch_subresource("status", name, &patches, &patch)).await,
        ];
        assert_eq!(versions.map(Result::unwrap), [(); 3].map(|()| Some("7".to_owned())));
    }
}
