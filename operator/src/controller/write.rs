//! A write of an object, of which only the version that it came to is asked back: the watches show the rest. An answer with all of the
//! object would be made, sent and read for nothing.

use axum::http::Request;
use axum::http::header::{ACCEPT, HeaderValue};
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::Request as Requests;
use serde::{Deserialize, Serialize};

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
pub(super) type Version = Option<String>;

/// Creates an object; refused when it is there.
pub(super) async fn create(
    client: &Client,
    api: &Api<DynamicObject>,
    parameters: &PostParams,
    body: &impl Serialize,
) -> Result<Version, kube::Error> {
    let body = serde_json::to_vec(body).map_err(kube::Error::SerdeError)?;
    send(client, Requests::new(api.resource_url()).create(parameters, body)).await
}

/// Patches an object.
pub(super) async fn patch<P: Serialize>(
    client: &Client,
    api: &Api<DynamicObject>,
    name: &str,
    parameters: &PatchParams,
    patch: &Patch<P>,
) -> Result<Version, kube::Error> {
    send(client, Requests::new(api.resource_url()).patch(name, parameters, patch)).await
}

/// Patches an object's status.
pub(super) async fn patch_status<P: Serialize>(
    client: &Client,
    api: &Api<DynamicObject>,
    name: &str,
    parameters: &PatchParams,
    patch: &Patch<P>,
) -> Result<Version, kube::Error> {
    let requests = Requests::new(api.resource_url());
    send(client, requests.patch_subresource("status", name, parameters, patch)).await
}

async fn send(
    client: &Client,
    request: Result<Request<Vec<u8>>, kube::core::request::Error>,
) -> Result<Version, kube::Error> {
    let mut request = request.map_err(kube::Error::BuildRequest)?;
    request.headers_mut().insert(ACCEPT, METADATA);
    client.request::<Answer>(request).await.map(|answer| answer.metadata.resource_version)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::HeaderMap;
    use axum::routing::any;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::api::ApiResource;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_write_asks_for_no_more_than_the_version_that_it_came_to() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        // All of the object, as a server answers that does not know of anything less.
        let answer = |asked: HeaderMap| async move {
            let version = if asked[ACCEPT] == METADATA { "7" } else { "asked for more" };
            axum::Json(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"},
                "metadata": {"name": "users", "resourceVersion": version, "managedFields": []}}))
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/{*path}", any(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let client = Client::try_from(kube::Config::new(url.parse().unwrap())).unwrap();
        let api = Api::namespaced_with(client.clone(), "demo", &ApiResource::erase::<ConfigMap>(&()));
        let (body, name) = (json!({"metadata": {"name": "users"}}), "users");
        let (posts, patches) = (PostParams::default(), PatchParams::default());
        let versions = [
            create(&client, &api, &posts, &body).await,
            patch(&client, &api, name, &patches, &Patch::Merge(&body)).await,
            patch_status(&client, &api, name, &patches, &Patch::Merge(&body)).await,
        ];
        assert_eq!(versions.map(Result::unwrap), [(); 3].map(|()| Some("7".to_owned())));
    }
}
