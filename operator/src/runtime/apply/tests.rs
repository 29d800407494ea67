use axum::Router;
use axum::routing::any;
use tokio::sync::mpsc;

use super::*;
use crate::runtime::fake_api_server::client_of;

fn delete_of(name: &str) -> ObjectWrite {
    ObjectWrite::Delete { kind: Kind::Job, name: name.to_owned(), uid: "1".to_owned() }
}

fn stop_of(name: &str) -> ObjectWrite {
    ObjectWrite::Stop { kind: Kind::Deployment, name: name.to_owned(), uid: "1".to_owned() }
}

fn applier(client: &Client) -> Applier<'_> {
    let (version, kafka_topics) = (None, None);
    Applier { client, namespace: "demo", pipeline: "users", uid: "1", version, kafka_topics }
}

/// Answers a write of `first` with version 7, and no other write.
async fn api_server(requested: mpsc::Sender<()>) -> Client {
    let answer = |path: axum::extract::Path<String>| async move {
        if !path.0.ends_with("first") {
            let _ = requested.send(()).await;
            std::future::pending::<()>().await;
        }
        let name = path.0.rsplit('/').next().unwrap_or_default().to_owned();
        let metadata = json!({"name": name, "namespace": "demo", "resourceVersion": "7"});
        axum::Json(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}))
    };
    client_of(Router::new().route("/{*path}", any(answer))).await
}

#[tokio::test]
async fn writes_of_a_cancelled_reconcile_are_expected() {
    let (requested, mut requests) = mpsc::channel(1);
    let client = api_server(requested).await;
    let applier = applier(&client);
    let state = Mutex::new(ReconcileState::default());
    let writes = [delete_of("first"), stop_of("first"), stop_of("second"), stop_of("third")];
    tokio::select! {
        _ = applier.apply(&writes, &state) => panic!("the API server has answered"),
        request = requests.recv() => assert!(request.is_some()),
    }
    let now = Timestamp::now();
    let key = |name: &str| ObjectKey::Owned(Kind::Deployment, name.to_owned());
    let is_expected = |name: &str, stored: Option<&str>| {
        let mut expectations = lock(&state).expectations.clone();
        for other in ["first", "second", "third"].into_iter().filter(|other| *other != name) {
            expectations.cancel(&key(other));
        }
        !expectations.are_satisfied(now, |_| stored.map(str::to_owned))
    };
    assert!(is_expected("first", Some("6")) && !is_expected("first", Some("7")));
    assert!(is_expected("second", Some("6")), "its version is unknown");
    assert!(!is_expected("third", None), "it was not started");
}

#[tokio::test]
async fn existing_object_that_was_taken_for_missing_is_reconciled() {
    let object = |exists: bool| {
        let owner = json!({"apiVersion": "userstream.dev/v1alpha1", "kind": "UserStreamPipeline", "name": "users",
            "uid": "1", "controller": true});
        let metadata = json!({"name": "users-processor", "namespace": "demo", "uid": "2",
            "resourceVersion": if exists { "9" } else { "7" }, "ownerReferences": [owner]});
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata})
    };
    for exists in [false, true] {
        let answer = move |method: axum::http::Method| async move {
            if method == axum::http::Method::POST && exists {
                let refusal = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 409,
                    "message": "it exists", "reason": "AlreadyExists"});
                return (axum::http::StatusCode::CONFLICT, axum::Json(refusal));
            }
            (axum::http::StatusCode::OK, axum::Json(object(exists)))
        };
        let client = client_of(Router::new().route("/{*path}", any(answer))).await;
        let name = "users-processor".to_owned();
        let manifest = Manifest { kind: Kind::Deployment, name: name.clone(), body: object(exists) };
        let state = Mutex::new(ReconcileState::default());
        let applied = applier(&client).apply(&[ObjectWrite::Create(manifest)], &state).await;
        assert_eq!((applied.writes, applied.errors.len()), (1, 0), "{:?}", applied.errors);
        let key = ObjectKey::Owned(Kind::Deployment, name);
        let version = if exists { "9" } else { "7" };
        assert_eq!(lock(&state).expectations.is_accounted(&key, version), !exists);
    }
}

#[tokio::test]
async fn invalid_object_is_sent_again_only_when_it_changes() {
    let requests = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = requests.clone();
    let answer = move || async move {
        counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let refusal = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 422,
            "message": "the annotation is invalid", "reason": "Invalid"});
        (axum::http::StatusCode::UNPROCESSABLE_ENTITY, axum::Json(refusal))
    };
    let client = client_of(Router::new().route("/{*path}", any(answer))).await;
    let create = |annotation: &str| {
        let body = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "users-processor", "annotations": {"a": annotation}}});
        ObjectWrite::Create(Manifest { kind: Kind::Deployment, name: "users-processor".to_owned(), body })
    };
    let state = Mutex::new(ReconcileState::default());
    let mut sent = Vec::new();
    for annotation in ["one", "one", "two", "two"] {
        let applied = applier(&client).apply(&[create(annotation)], &state).await;
        let failure = applied.errors[0].failure();
        assert_eq!(
            (failure.reason, failure.is_terminal),
            (userstream_crds::condition::Reason::Invalid, true)
        );
        assert!(failure.message.contains("the annotation is invalid"), "{failure:?}");
        sent.push(requests.load(std::sync::atomic::Ordering::SeqCst));
    }
    assert_eq!(sent, [1, 1, 2, 2]);
}
