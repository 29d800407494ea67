//! The operator as a process of this machine, against an API server alone.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::cluster::{Cluster, programs};
use crate::poll_until::poll_until;

/// How long an operator may take until it is ready.
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

    /// The same with more arguments.
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn start_with(cluster: &Cluster, namespace: &str, arguments: &[&str]) -> Self {
        let operator = Self::spawn_for(cluster, namespace, arguments, &cluster.kubeconfig());
        operator.await_ready(READY_WITHIN).await;
        operator
    }

    /// Starts the operator of a Deployment in the cluster as its pod would run: with the Deployment's environment, and with the
    /// rights of its ServiceAccount alone. Returns when it is ready.
    ///
    /// # Panics
    /// When there is no such Deployment, or it does not become ready.
    pub async fn start_deployed(cluster: &Cluster, namespace: &str, deployment: &str) -> Self {
        let deployment = cluster.get("deployment", namespace, deployment).await;
        let pod = &deployment["spec"]["template"]["spec"];
        let account = pod["serviceAccountName"].as_str().expect("the pod has a ServiceAccount");
        let token = cluster.kubectl(&["create", "token", account, "-n", namespace]).await;
        let kubeconfig = cluster.kubeconfig_of(&format!("{account}-of-{namespace}"), token.trim());
        let mut command = Command::new(programs().join("operator"));
        let variables = pod["containers"][0]["env"].as_array().cloned().unwrap_or_default();
        for variable in variables {
            let field = variable.pointer("/valueFrom/fieldRef/fieldPath").and_then(Value::as_str);
            let value = match field {
                Some("metadata.namespace") => namespace,
                Some(other) => panic!("the pod would get its {other}, which nobody here knows"),
                None => variable["value"].as_str().unwrap_or_default(),
            };
            command.env(variable["name"].as_str().expect("a variable has a name"), value);
        }
        let operator = Self::launch(cluster, command, namespace, &kubeconfig);
        operator.await_ready(READY_WITHIN).await;
        operator
    }

    /// Starts this program as an operator that looks after all namespaces and holds a Lease in one of them.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn spawn_for_all(cluster: &Cluster, program: &Path, lease_namespace: &str) -> Self {
        let arguments = ["--lease-namespace", lease_namespace];
        Self::spawn_with(cluster, program, "all", &arguments, &cluster.kubeconfig())
    }

    /// Returns when it is ready.
    ///
    /// # Panics
    /// When it does not become ready in time.
    pub async fn await_ready(&self, within: Duration) {
        let ready = async || match self.ask("/readyz").await {
            Ok((200, _)) => Ok(()),
            Ok((_, missing)) => Err(missing),
            Err(error) => Err(format!("{error}\n{}", self.log())),
        };
        poll_until("the operator is ready", within, ready).await;
    }

    /// Starts an operator for a namespace with the rights of whoever has this token.
    ///
    /// # Panics
    /// When there is no such program.
    pub fn spawn_as(cluster: &Cluster, namespace: &str, token: &str) -> Self {
        let kubeconfig = cluster.kubeconfig_of(namespace, token);
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

    /// Ends it with SIGKILL.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// What it answers to a path: the status and the body.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn ask(&self, path: &str) -> Result<(u16, String), reqwest::Error> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let response = reqwest::get(format!("http://{}{path}", self.address)).await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// Its process's id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// How many objects it has written or deleted since its start.
    ///
    /// # Panics
    /// When it does not tell.
    pub async fn writes(&self) -> u64 {
        self.number("userstream_operator_writes_total").await
    }

    /// One of its numbers, added up over its labels.
    ///
    /// # Panics
    /// When it does not tell.
    pub async fn number(&self, metric: &str) -> u64 {
        let (_, metrics) = self.ask("/metrics").await.expect("the operator answers");
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

    /// The lines of its log that tell of a bug.
    pub fn errors(&self) -> Vec<String> {
        self.log().lines().filter(|line| line.contains(r#""level":"ERROR""#)).map(str::to_owned).collect()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.end();
    }
}
