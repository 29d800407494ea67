use std::sync::Mutex;

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::*;
use crate::runtime::fake_api_server::client_of;

/// An API server with one Lease. It can refuse all requests.
#[derive(Debug, Default)]
struct Server {
    lease: Option<Value>,
    versions: u32,
    refuses: bool,
}

type Shared = Arc<Mutex<Server>>;

fn failed(code: StatusCode) -> Response {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "no", "reason": code.canonical_reason().unwrap_or_default().replace(' ', ""), "code": code.as_u16()});
    (code, Json(status)).into_response()
}

async fn answer(State(server): State<Shared>, method: Method, body: String) -> Response {
    let mut server = server.lock().unwrap();
    if server.refuses {
        return failed(StatusCode::FORBIDDEN);
    }
    let sent: Value = serde_json::from_str(&body).unwrap_or_default();
    let version = server.versions + 1;
    match (method, &mut server.lease) {
        (Method::GET, Some(lease)) => return Json(lease.clone()).into_response(),
        (Method::GET | Method::PATCH, None) => return failed(StatusCode::NOT_FOUND),
        (Method::POST, lease @ None) => *lease = Some(sent),
        (Method::PATCH, Some(lease))
            if lease["metadata"]["resourceVersion"] == sent["metadata"]["resourceVersion"] =>
        {
            for (field, value) in sent["spec"].as_object().unwrap() {
                lease["spec"][field] = value.clone();
            }
        }
        _ => return failed(StatusCode::CONFLICT),
    }
    server.versions = version;
    let lease = server.lease.as_mut().unwrap();
    lease["metadata"]["resourceVersion"] = json!(version.to_string());
    Json(lease.clone()).into_response()
}

async fn api_server() -> (Shared, Client) {
    let server = Shared::default();
    let client = client_of(Router::new().fallback(answer).with_state(server.clone())).await;
    (server, client)
}

fn elector(client: &Client, identity: &str) -> (LeaderElector, LeaderGuard) {
    LeaderElector::new(client.clone(), "demo", "operator".to_owned(), identity.to_owned(), Arc::default())
}

#[tokio::test]
async fn released_lease_is_acquired_by_another_replica() {
    let (_, client) = api_server().await;
    let ((mut first, leads_first), (mut second, leads_second)) =
        (elector(&client, "first"), elector(&client, "second"));
    for _ in 0..2 {
        first.tick().await;
        second.tick().await;
        assert_eq!((leads_first.is_leading(), leads_second.is_leading()), (true, false));
    }
    assert_eq!(second.health.report(), Vec::<String>::new(), "a replica that waits is ready");
    first.release().await.unwrap();
    assert!(!leads_first.is_leading());
    second.tick().await;
    first.tick().await;
    assert_eq!((leads_first.is_leading(), leads_second.is_leading()), (false, true));
    first.release().await.unwrap();
    second.tick().await;
    assert!(leads_second.is_leading(), "only the holder releases it");
}

#[tokio::test]
async fn failed_renewal_is_reported_until_one_succeeds() {
    let (server, client) = api_server().await;
    let (mut leader, leads) = elector(&client, "leader");
    leader.tick().await;
    server.lock().unwrap().refuses = true;
    assert_eq!(leader.tick().await, FAILURE_DELAY);
    let report = leader.health.report().join("");
    assert!(report.starts_with("lease: this replica leads but cannot renew the Lease"), "{report}");
    assert!(leads.is_leading(), "its renew deadline is not reached");
    server.lock().unwrap().refuses = false;
    leader.tick().await;
    assert_eq!(leader.health.report(), Vec::<String>::new());
    // Another replica holds it.
    server.lock().unwrap().lease.as_mut().unwrap()["spec"]["holderIdentity"] = json!("another");
    server.lock().unwrap().lease.as_mut().unwrap()["metadata"]["resourceVersion"] = json!("other");
    leader.tick().await;
    assert!(!leads.is_leading());
}

#[tokio::test]
async fn lost_leadership_is_not_regained() {
    let (server, client) = api_server().await;
    let (mut leader, leads) = elector(&client, "leader");
    leader.tick().await;
    assert!(leads.is_leading());
    {
        let lease = &mut server.lock().unwrap().lease;
        let lease = lease.as_mut().unwrap();
        lease["spec"]["holderIdentity"] = json!("another");
        lease["metadata"]["resourceVersion"] = json!("other");
    }
    leader.run().await;
    assert!(!leads.is_leading());
    tokio::time::timeout(TIMEOUT, leads.lost()).await.unwrap();
}
