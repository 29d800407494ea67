//! A fake API server with objects: it lists, watches, creates and patches them, without any controller behind it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use futures::stream;
use kube::Client;
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc};

use super::client_of;
use crate::runtime::sync::lock;

/// A write request.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Value,
}

/// A server, as a test uses it.
pub(crate) struct FakeCluster {
    server: Arc<Server>,
    writes: mpsc::UnboundedReceiver<Written>,
}

#[derive(Debug)]
struct Server {
    objects: Mutex<Objects>,
    writes: mpsc::UnboundedSender<Written>,
}

/// The objects by resource, namespace and name, and their events so far.
#[derive(Debug)]
struct Objects {
    version: u64,
    all: BTreeMap<(String, String, String), Value>,
    log: Vec<WatchEvent>,
    watches: broadcast::Sender<WatchEvent>,
}

#[derive(Clone, Debug)]
struct WatchEvent {
    version: u64,
    resource: String,
    namespace: String,
    line: String,
}

/// What a path of the API names.
#[derive(Debug)]
struct Target {
    /// `None`: all namespaces.
    namespace: Option<String>,
    resource: String,
    name: Option<String>,
}

impl Target {
    fn of(path: &str) -> Self {
        let mut parts = path.trim_matches('/').split('/').map(str::to_owned);
        let versions = if parts.next().as_deref() == Some("api") { 1 } else { 2 };
        let mut parts = parts.skip(versions).peekable();
        let has_namespace = parts.next_if(|part| part == "namespaces").is_some();
        let namespace = if has_namespace { parts.next() } else { None };
        Self { namespace, resource: parts.next().unwrap_or_default(), name: parts.next() }
    }

    fn includes(&self, resource: &str, namespace: &str) -> bool {
        self.resource == resource && self.namespace.as_deref().is_none_or(|own| own == namespace)
    }
}

impl Objects {
    fn put(&mut self, kind: &str, target: &Target, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        let (namespace, name) = (text("namespace"), text("name"));
        let event = WatchEvent {
            version: self.version,
            resource: target.resource.clone(),
            namespace: namespace.clone(),
            line: format!("{}\n", json!({"type": kind, "object": object})),
        };
        self.log.push(event.clone());
        // There may be no watch.
        let _ = self.watches.send(event);
        self.all.insert((target.resource.clone(), namespace, name), object.clone());
        object
    }

    fn create(&mut self, target: &Target, mut object: Value) -> Value {
        object["metadata"]["uid"] = json!(format!("uid-{}", self.version));
        if let Some(namespace) = &target.namespace {
            object["metadata"]["namespace"] = json!(namespace);
        }
        self.put("ADDED", target, object)
    }

    fn edit(&mut self, target: &Target, edit: impl FnOnce(&mut Value)) -> Option<Value> {
        let name = target.name.clone()?;
        let is_it = |(resource, namespace, of): &(String, String, String)| {
            target.includes(resource, namespace) && *of == name
        };
        let mut object = self.all.iter().find(|(key, _)| is_it(key))?.1.clone();
        edit(&mut object);
        Some(self.put("MODIFIED", target, object))
    }

    fn list(&self, target: &Target) -> Value {
        let own =
            self.all.iter().filter(|((resource, namespace, _), _)| target.includes(resource, namespace));
        let items: Vec<&Value> = own.map(|(_, object)| object).collect();
        let version = self.version.to_string();
        json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": version}, "items": items})
    }

    /// The events after a version, and all that follow.
    fn watch(&self, target: Target, after: u64) -> Body {
        let past: Vec<_> = self.log.iter().filter(|event| event.version > after).cloned().collect();
        let state = (past.into_iter(), self.watches.subscribe(), target);
        Body::from_stream(stream::unfold(state, |(mut past, mut new, target)| async move {
            loop {
                let event = match past.next() {
                    Some(event) => event,
                    None => new.recv().await.ok()?,
                };
                if target.includes(&event.resource, &event.namespace) {
                    return Some((Ok::<_, std::io::Error>(event.line), (past, new, target)));
                }
            }
        }))
    }
}

async fn answer(State(server): State<Arc<Server>>, method: Method, uri: Uri, body: Bytes) -> Response {
    let target = Target::of(uri.path());
    let query = uri.query().unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if method != Method::GET {
        let path = uri.path().to_owned();
        // The test may have ended.
        let _ = server.writes.send(Written { method: method.clone(), path, body: body.clone() });
    }
    let mut objects = lock(&server.objects);
    if method == Method::POST {
        return Json(objects.create(&target, body)).into_response();
    }
    if method == Method::PATCH {
        let edited = objects.edit(&target, |object| object["status"] = body["status"].clone());
        return Json(edited).into_response();
    }
    if query.contains("watch=true") {
        let version = query.split('&').find_map(|field| field.strip_prefix("resourceVersion="));
        let after = version.and_then(|version| version.parse().ok()).unwrap_or_default();
        return objects.watch(target, after).into_response();
    }
    Json(objects.list(&target)).into_response()
}

impl FakeCluster {
    /// A client of a server with one object.
    pub(crate) async fn with(resource: &str, object: Value) -> (Client, Self) {
        let (writes, receiver) = mpsc::unbounded_channel();
        let (watches, _) = broadcast::channel(64);
        let objects = Objects { version: 1, all: BTreeMap::new(), log: Vec::new(), watches };
        let server = Arc::new(Server { objects: Mutex::new(objects), writes });
        let router = Router::new().route("/{*path}", any(answer)).with_state(server.clone());
        let cluster = Self { server, writes: receiver };
        cluster.create(resource, object);
        (client_of(router).await, cluster)
    }

    /// Creates an object as a user does.
    pub(crate) fn create(&self, resource: &str, object: Value) {
        let target = Target { namespace: None, resource: resource.to_owned(), name: None };
        lock(&self.server.objects).create(&target, object);
    }

    /// Edits an object as a user does.
    pub(crate) fn edit(&self, resource: &str, name: &str, edit: impl FnOnce(&mut Value)) {
        let target = Target { namespace: None, resource: resource.to_owned(), name: Some(name.to_owned()) };
        assert!(lock(&self.server.objects).edit(&target, edit).is_some(), "{target:?} exists");
    }

    /// The next write request of the operator.
    pub(crate) async fn next_write(&mut self) -> Written {
        self.writes.recv().await.unwrap()
    }
}
