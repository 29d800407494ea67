//! The operator as a local process, against an API server without nodes.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::cluster::{Cluster, programs};
use crate::poll_until::poll_until;

/// How long an operator may take to become ready.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// A running operator. It is killed when it is dropped.
#[derive(Debug)]
pub struct Operator {
    process: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Operator {
    /// Starts an operator for a namespace, and returns when it is ready.
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn start(cluster: &Cluster, namespace: &str) -> Self {
        Self::start_with(cluster, namespace, &[]).await
    }

    /// Starts an operator for a namespace with further arguments, and returns when it is ready.
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn start_with(cluster: &Cluster, namespace: &str, arguments: &[&str]) -> Self {
        let operator = Self::spawn_for(cluster, namespace, arguments, &cluster.kubeconfig());
        operator.await_ready(READY_WITHIN).await;
        operator
    }

    /// Starts the operator as the pod of a Deployment would run: with the Deployment's environment and the rights of its
    /// ServiceAccount. Returns when it is ready.
    ///
    /// # Panics
    /// When the Deployment does not exist, or the operator does not become ready.
    pub async fn start_deployed(cluster: &Cluster, namespace: &str, deployment: &str) -> Self {
        let deployment = cluster.get("deployment", namespace, deployment).await;
        let pod = &deployment["spec"]["template"]["spec"];
        let account = pod["serviceAccountName"].as_str().expect("the pod has a ServiceAccount");
        let token = cluster.kubectl(&["create", "token", account, "-n", namespace]).await;
        let kubeconfig = cluster.kubeconfig_with_token(&format!("{account}-of-{namespace}"), token.trim());
        let mut command = Command::new(programs().join("operator"));
        let variables = pod["containers"][0]["env"].as_array().cloned().unwrap_or_default();
        for variable in variables {
            let field = variable.pointer("/valueFrom/fieldRef/fieldPath").and_then(Value::as_str);
            let value = match field {
                Some("metadata.namespace") => namespace,
                Some(other) => panic!("the harness cannot supply the field {other} of the pod"),
                None => variable["value"].as_str().unwrap_or_default(),
            };
            command.env(variable["name"].as_str().expect("a variable has a name"), value);
        }
        let operator = Self::launch(cluster, command, namespace, &kubeconfig);
        operator.await_ready(READY_WITHIN).await;
        operator
    }

    /// Starts this program as an operator that watches all namespaces and holds a Lease in one of them.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn spawn_for_all(cluster: &Cluster, program: &Path, lease_namespace: &str) -> Self {
        let arguments = ["--lease-namespace", lease_namespace];
        Self::spawn_with(cluster, program, "all", &arguments, &cluster.kubeconfig())
    }

    /// Waits until `/readyz` answers 200.
    ///
    /// # Panics
    /// When it has not within `within`.
    pub async fn await_ready(&self, within: Duration) {
        let ready = async || match self.get("/readyz").await {
            Ok((200, _)) => Ok(()),
            Ok((_, missing)) => Err(missing),
            Err(error) => Err(format!("{error}\n{}", self.log())),
        };
        poll_until("the operator is ready", within, ready).await;
    }

    /// Starts an operator for a namespace with the rights of the bearer of this token.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn spawn_with_token(cluster: &Cluster, namespace: &str, token: &str) -> Self {
        let kubeconfig = cluster.kubeconfig_with_token(namespace, token);
        Self::spawn_for(cluster, namespace, &[], &kubeconfig)
    }

    fn spawn_for(cluster: &Cluster, namespace: &str, arguments: &[&str], kubeconfig: &Path) -> Self {
        let program = programs().join("operator");
        let arguments = [&["--watch-namespaces", namespace], arguments].concat();
        Self::spawn_with(cluster, &program, namespace, &arguments, kubeconfig)
    }

    fn spawn_with(
        cluster: &Cluster,
        program: &Path,
        name: &str,
        arguments: &[&str],
        kubeconfig: &Path,
    ) -> Self {
        let mut command = Command::new(program);
        command.args(["--worker-image", "example.org/worker:1"]).args(arguments).env("RUST_LOG", "info");
        Self::launch(cluster, command, name, kubeconfig)
    }

    fn launch(cluster: &Cluster, mut command: Command, name: &str, kubeconfig: &Path) -> Self {
        let unused = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = unused.expect("a port is free");
        let log = cluster.kubeconfig().with_file_name(format!("operator-of-{name}-{}.log", address.port()));
        let process = command
            .args(["--listen", &address.to_string()])
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("the log can be written"))
            .spawn()
            .expect("the operator was built");
        Self { process, address, log }
    }

    /// Kills it with SIGKILL.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// GETs a path of its server: the status code and the body.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn get(&self, path: &str) -> Result<(u16, String), reqwest::Error> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let response = reqwest::get(format!("http://{}{path}", self.address)).await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// How many objects it has written or deleted since its start.
    ///
    /// # Panics
    /// When the metric is missing.
    pub async fn writes(&self) -> u64 {
        self.metric("userstream_operator_writes_total").await
    }

    /// The sum of a metric over its labels.
    ///
    /// # Panics
    /// When the metric is missing.
    pub async fn metric(&self, metric: &str) -> u64 {
        let (_, metrics) = self.get("/metrics").await.expect("the operator answers");
        let values: Vec<u64> = metrics
            .lines()
            .filter_map(|line| {
                line.strip_prefix(metric).filter(|rest| rest.starts_with(['{', ' ']))?.rsplit(' ').next()
            })
            .filter_map(|value| value.parse().ok())
            .collect();
        assert!(!values.is_empty(), "no {metric} in\n{metrics}");
        values.iter().sum()
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The lines of its log at level ERROR, which only a bug produces.
    pub fn errors(&self) -> Vec<String> {
        self.log().lines().filter(|line| line.contains(r#""level":"ERROR""#)).map(str::to_owned).collect()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.end();
    }
}
