//! The requests of a ServiceAccount, from the API server's audit log.

use serde_json::Value;

use crate::cluster::Cluster;

/// A request that the API server received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `get`, `list`, `watch`, `create`, `patch`, `delete` and so on.
    pub verb: String,
    /// The API group; empty for the core group and for non-resource requests.
    pub group: String,
    /// The plural resource, followed by `/` and its subresource if any; the path of a non-resource request.
    pub resource: String,
    /// The namespace of a namespaced request.
    pub namespace: Option<String>,
    /// The HTTP status of the response.
    pub code: u64,
}

impl Request {
    fn of(event: &Value) -> Self {
        let text = |place: &str| event.pointer(place).and_then(Value::as_str).map(str::to_owned);
        let resource = text("/objectRef/resource").map(|resource| match text("/objectRef/subresource") {
            Some(subresource) => format!("{resource}/{subresource}"),
            None => resource,
        });
        Self {
            verb: text("/verb").unwrap_or_default(),
            group: text("/objectRef/apiGroup").unwrap_or_default(),
            resource: resource.or_else(|| text("/requestURI")).unwrap_or_default(),
            namespace: text("/objectRef/namespace"),
            code: event.pointer("/responseStatus/code").and_then(Value::as_u64).unwrap_or_default(),
        }
    }

    /// Whether the API server refused it for lack of a right.
    pub fn is_forbidden(&self) -> bool {
        self.code == 403
    }

    /// Whether it was for a resource, as opposed to a path such as `/version`.
    pub fn is_for_a_resource(&self) -> bool {
        !self.resource.starts_with('/')
    }
}

/// Every request of a ServiceAccount so far, open watches included.
///
/// # Panics
/// When the audit log is missing or holds a line that is not JSON.
pub fn requests_of(cluster: &Cluster, namespace: &str, account: &str) -> Vec<Request> {
    let user = format!("system:serviceaccount:{namespace}:{account}");
    let log = std::fs::read_to_string(cluster.audit_log()).expect("the API server keeps an audit log");
    // The API server may still be writing the last line.
    let lines = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    lines
        .map(|line| serde_json::from_str::<Value>(line).expect("the audit log is JSON, a line each"))
        .filter(|event| event["user"]["username"] == user.as_str())
        .map(|event| Request::of(&event))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn request_has_its_resource_or_else_its_path() {
        let status = json!({"verb": "patch", "requestURI": "/apis/userstream.dev/v1alpha1/namespaces/demo/...",
            "objectRef": {"apiGroup": "userstream.dev", "resource": "userstreampipelines", "subresource": "status",
                "namespace": "demo", "name": "users"},
            "responseStatus": {"code": 200}});
        let request = Request::of(&status);
        assert_eq!(
            (request.group.as_str(), request.resource.as_str()),
            ("userstream.dev", "userstreampipelines/status")
        );
        assert_eq!((request.namespace.as_deref(), request.is_forbidden()), (Some("demo"), false));
        let discovery = json!({"verb": "get", "requestURI": "/apis/monitoring.coreos.com/v1", "responseStatus": {"code": 403}});
        let request = Request::of(&discovery);
        assert_eq!((request.is_for_a_resource(), request.is_forbidden()), (false, true));
    }
}
