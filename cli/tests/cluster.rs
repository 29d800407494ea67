//! Errors of the commands for a cluster, and logs of pods, against a fake API server. `e2e/tests/api_server` tests the same
//! commands with a real one.
#![cfg(feature = "cluster")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;
use serde_json::{Value, json};
use support::http::{Answer, Server};
use support::{Ended, Workdir};

/// Writes a kubeconfig whose context `demo` has its API server at this address.
fn kubeconfig(workdir: &Workdir, address: &str) -> String {
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "demo",
        "clusters": [{"name": "here", "cluster": {"server": address}}],
        "contexts": [{"name": "demo", "context": {"cluster": "here", "user": "me", "namespace": "demo"}}],
        "users": [{"name": "me", "user": {}}],
    });
    workdir.write("kubeconfig", &text.to_string())
}

/// Runs `usp` without the kubeconfig and the service account of this machine.
fn run(workdir: &Workdir, arguments: &[&str]) -> Ended {
    let mut command = workdir.usp(arguments);
    command.env("HOME", workdir.path()).env_remove("KUBECONFIG").env_remove("KUBERNETES_SERVICE_HOST");
    Ended::of(&command.output().unwrap())
}

fn failure(code: u16, reason: &str, message: &str) -> Answer {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message});
    Answer::Complete(code, status.to_string())
}

fn list(items: &[Value]) -> Answer {
    Answer::Complete(
        200,
        json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}).to_string(),
    )
}

fn pipeline(name: &str) -> Value {
    json!({"apiVersion": "userstream.dev/v1alpha1", "kind": "UserStreamPipeline",
        "metadata": {"name": name, "namespace": "demo"}, "spec": {"source": {}}})
}

fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "demo", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "status": {"phase": "Running", "containerStatuses": [{"name": "worker", "image": "", "imageID": "", "ready": true,
            "restartCount": 0, "state": {"running": {}}}]}})
}

#[test]
fn missing_kubeconfig_names_the_options() {
    let workdir = Workdir::new();
    for command in [&["get"][..], &["status", "users"], &["check"], &["logs", "users"], &["suspend", "users"]]
    {
        let ended = run(&workdir, command).expect(78);
        assert!(ended.stderr.contains("no cluster is configured: "), "{}", ended.stderr);
        assert!(ended.stderr.contains("set KUBECONFIG or --kubeconfig FILE"), "{}", ended.stderr);
    }
    let ended = run(&workdir, &["get", "--kubeconfig", "nothing"]).expect(78);
    assert!(ended.stderr.contains("nothing does not exist"), "{}", ended.stderr);
    workdir.write("broken", "{ not yaml: [");
    let ended = run(&workdir, &["get", "--kubeconfig", "broken"]).expect(78);
    assert!(ended.stderr.contains("the kubeconfig is invalid"), "{}", ended.stderr);
}

#[test]
fn unknown_context_suggests_a_similar_one() {
    let workdir = Workdir::new();
    let file = kubeconfig(&workdir, "http://127.0.0.1:9");
    let ended = run(&workdir, &["get", "--kubeconfig", &file, "--context", "dmeo"]).expect(78);
    assert!(
        ended.stderr.contains("no context dmeo (did you mean demo?); available contexts: demo"),
        "{}",
        ended.stderr
    );
}

#[test]
fn unreachable_api_server_is_named() {
    let workdir = Workdir::new();
    // The listener is dropped at once, so that connections to its port are refused.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let file = kubeconfig(&workdir, &format!("http://{address}"));
    let ended = run(&workdir, &["status", "users", "--kubeconfig", &file]).expect(69);
    assert!(
        ended.stderr.contains(&format!("http://{address} does not answer: Connection refused")),
        "{}",
        ended.stderr
    );
}

#[test]
fn rejected_credentials_differ_from_missing_permissions() {
    let workdir = Workdir::new();
    let server = Server::start(|target| match target.contains("/namespaces/demo/") {
        true => failure(403, "Forbidden", "userstreampipelines is forbidden: User \"eve\" cannot list"),
        false => failure(401, "Unauthorized", "Unauthorized"),
    });
    let file = kubeconfig(&workdir, server.address());
    let ended = run(&workdir, &["get", "--kubeconfig", &file]).expect(77);
    assert!(
        ended.stderr.contains("permission denied: userstreampipelines is forbidden: User \"eve\""),
        "{}",
        ended.stderr
    );
    let ended = run(&workdir, &["get", "--kubeconfig", &file, "-n", "prod"]).expect(77);
    assert!(ended.stderr.contains("rejected the credentials"), "{}", ended.stderr);
}

#[test]
fn missing_definition_differs_from_a_missing_pipeline() {
    let workdir = Workdir::new();
    let server = Server::start(|target| match target {
        _ if target.contains("/demo/userstreampipelines/") => failure(404, "NotFound", "not found"),
        _ if target.contains("/namespaces/demo/") => list(&[pipeline("users"), pipeline("orders")]),
        _ if target.contains("/v1alpha1/userstreampipelines") => {
            list(&[json!({"apiVersion": "userstream.dev/v1alpha1", "kind": "UserStreamPipeline",
                "metadata": {"name": "usrs", "namespace": "prod"}, "spec": {}})])
        }
        _ => Answer::Complete(404, "404 page not found\n".to_owned()),
    });
    let file = kubeconfig(&workdir, server.address());
    let ended = run(&workdir, &["status", "usrs", "--kubeconfig", &file]).expect(69);
    assert!(
        ended.stderr.contains(
            "pipeline usrs not found in namespace demo (did you mean users?); namespace prod has one: use -n prod"
        ),
        "{}",
        ended.stderr
    );
    let bare = Server::start(|_| Answer::Complete(404, "404 page not found\n".to_owned()));
    let file = kubeconfig(&workdir, bare.address());
    let ended = run(&workdir, &["status", "users", "--kubeconfig", &file]).expect(78);
    assert!(ended.stderr.contains("the CustomResourceDefinition is not installed"), "{}", ended.stderr);
}

#[test]
fn worker_status_is_read_through_the_api_server() {
    let workdir = Workdir::new();
    let partition = json!({"partition": 4, "committed": 1, "highWatermark": 8, "lag": 7});
    let report = json!({
        "ready": false, "missing": ["table: no host answers"], "errors": [],
        "producer": {"pages": 0, "read": 0, "appended": 0, "deadLettered": 0, "skipped": 0, "runs": 0, "failedRuns": 0,
            "lastSuccessTime": null},
        "processor": {"partitions": [partition], "lag": 7, "read": 0, "filtered": 0, "written": 12_345, "retries": 0,
            "deadLettered": 0, "skipped": 0, "deadLetterDepth": null, "lastRowTime": null, "freshness": null,
            "writeLatency": null},
    });
    let server = Server::start(move |target| {
        let mut processor = pod("users-processor-a");
        processor["metadata"]["labels"] = json!({"app.kubernetes.io/component": "processor"});
        // The sidecar of a service mesh comes first, with another port.
        processor["spec"] = json!({"containers": [{"name": "mesh", "ports": [{"containerPort": 15_090}]},
            {"name": "worker", "ports": [{"name": "status", "containerPort": 8081}]}]});
        let mut deployment = pod("users-processor");
        (deployment["apiVersion"], deployment["kind"]) = (json!("apps/v1"), json!("Deployment"));
        deployment["metadata"]["labels"] = json!({"app.kubernetes.io/component": "processor"});
        deployment["status"] = json!({});
        match target {
            _ if target.ends_with("/pods/users-processor-a:8081/proxy/status") => {
                Answer::Complete(200, report.to_string())
            }
            _ if target.contains("/proxy/") => failure(503, "ServiceUnavailable", target),
            _ if target.contains("/pods?") => list(&[processor]),
            _ if target.contains("/namespaces/demo/deployments?") => list(&[deployment]),
            _ if target.contains("?&") => list(&[]),
            _ => Answer::Complete(200, pipeline("users").to_string()),
        }
    });
    let file = kubeconfig(&workdir, server.address());
    let ended = run(&workdir, &["status", "users", "--kubeconfig", &file]).expect(3);
    let line = "pod users-processor-a  running; partition 4, lag 7, 12,345 rows written; missing: table: no host answers";
    assert!(ended.stdout.contains(line), "{}\n{:#?}", ended.stdout, server.requests());
}

#[test]
fn logs_of_several_pods_have_the_name_of_the_pod() {
    let workdir = Workdir::new();
    let server = Server::start(|target| match target {
        _ if target.contains("/pods/users-processor-b/log") => Answer::Complete(200, "two\n".to_owned()),
        _ if target.contains("/pods/users-processor-a/log") => {
            Answer::Complete(200, "one\nmore\n".to_owned())
        }
        _ if target.contains("/pods?") && target.contains("run") => {
            list(&[pod("users-processor-a"), pod("users-processor-b")])
        }
        _ if target.contains("/pods?") => list(&[pod("users-processor-a")]),
        _ => Answer::Complete(200, pipeline("users").to_string()),
    });
    let file = kubeconfig(&workdir, server.address());
    let ended = run(&workdir, &["logs", "users", "--processor", "--kubeconfig", &file]).expect(0);
    assert_eq!(ended.stdout, "one\nmore\n");
    let ended =
        run(&workdir, &["logs", "users", "--since", "90s", "--tail", "5", "--kubeconfig", &file]).expect(0);
    assert_eq!(ended.stdout, "[users-processor-a] one\n[users-processor-a] more\n[users-processor-b] two\n");
    let request = server.requests().into_iter().rfind(|target| target.contains("/log?")).unwrap();
    assert!(
        request.contains("container=worker")
            && request.contains("sinceSeconds=90")
            && request.contains("tailLines=5"),
        "{request}"
    );
}

#[test]
fn followed_logs_include_pods_that_start_later() {
    let workdir = Workdir::new();
    let lists = AtomicUsize::new(0);
    let server = Server::start(move |target| match target {
        _ if target.contains("/pods/users-processor-b/log") => Answer::Complete(200, "two\n".to_owned()),
        _ if target.contains("/pods/users-processor-a/log") => Answer::Complete(200, "one\n".to_owned()),
        // The command lists pods once before it follows and once when it starts to; then the second pod appears.
        _ if target.contains("/pods?") && lists.fetch_add(1, Ordering::Relaxed) < 2 => {
            list(&[pod("users-processor-a")])
        }
        _ if target.contains("/pods?") => list(&[pod("users-processor-a"), pod("users-processor-b")]),
        _ => Answer::Complete(200, pipeline("users").to_string()),
    });
    let file = kubeconfig(&workdir, server.address());
    let mut running = workdir.start(["logs", "users", "-f", "--kubeconfig", &file]);
    assert_eq!(running.line().as_deref(), Some("[users-processor-a] one"));
    assert_eq!(running.line().as_deref(), Some("[users-processor-b] two"));
    running.signal(Signal::INT);
    assert_eq!(running.end().stderr, "");
    let opened = server.requests().iter().filter(|target| target.contains("processor-a/log?")).count();
    assert_eq!(opened, 1, "the log was opened {opened} times: {:#?}", server.requests());
}

#[test]
fn pods_that_have_not_started_have_no_logs() {
    let workdir = Workdir::new();
    let server = Server::start(|target| {
        let mut waiting = pod("users-processor-a");
        waiting["status"]["containerStatuses"][0]["state"] =
            json!({"waiting": {"reason": "ErrImagePull", "message": "no such image"}});
        match target.contains("/pods?") {
            true => list(&[waiting]),
            false => Answer::Complete(200, pipeline("users").to_string()),
        }
    });
    let file = kubeconfig(&workdir, server.address());
    let ended = run(&workdir, &["logs", "users", "--processor", "--kubeconfig", &file]).expect(69);
    assert!(
        ended.stderr.contains("no logs: pipeline users has no started pod of processor (ErrImagePull: no such image); see `usp status users`"),
        "{}",
        ended.stderr
    );
}

#[test]
fn usp_is_a_plugin_of_kubectl() {
    let workdir = Workdir::new();
    let link = |name: &str| {
        let path = workdir.path().join(name);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_usp"), &path).unwrap();
        std::process::Command::new(path)
    };
    let help = link("kubectl-usp").args(["get", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(
        help.contains("Usage: kubectl usp get") && help.contains("\n  kubectl usp get -n demo"),
        "{help}"
    );
    let completed = link("kubectl_complete-usp").args(["status", "users", "-o", "j"]).output().unwrap();
    assert_eq!(String::from_utf8(completed.stdout).unwrap(), "json\n:4\n");
}
