//! Write requests that are answered with the object's metadata alone. The operator needs the resource version; the
//! watches show the rest.

use axum::http;
use axum::http::header::{ACCEPT, HeaderValue};
use kube::Client;
use kube::api::{Api, DynamicObject};
use kube::core::Request;
use serde::Deserialize;

/// The media type of an answer without spec and status.
const METADATA: HeaderValue =
    HeaderValue::from_static("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");

/// The part of the answer that is read.
#[derive(Debug, Deserialize)]
struct Answer {
    metadata: Metadata,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    resource_version: Option<String>,
}

/// The resource version of an object after a write.
pub(crate) type Version = Option<String>;

/// A builder of requests for this kind.
pub(crate) fn of(api: &Api<DynamicObject>) -> Request {
    Request::new(api.resource_url())
}

/// Sends a write, and returns the object's new resource version.
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
    use crate::runtime::fake_api_server::client_of;

    #[tokio::test]
    async fn write_requests_metadata_and_accepts_a_whole_object() {
        // A server that does not know the media type answers with the whole object.
        let answer = |headers: HeaderMap| async move {
            let version = if headers[ACCEPT] == METADATA { "7" } else { "another media type" };
            axum::Json(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"},
                "metadata": {"name": "users", "resourceVersion": version, "managedFields": []}}))
        };
        let client = client_of(Router::new().route("/{*path}", any(answer))).await;
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
