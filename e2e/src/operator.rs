//! The operator as a process of this machine, against an API server alone.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::cluster::{Cluster, programs};
use crate::waiting::await_until;

/// A running operator that looks after one namespace. It is killed when it is dropped.
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
        let operator = Self::spawn(cluster, namespace);
        let ready = async || match operator.ask("/readyz").await {
            Ok((200, _)) => Ok(()),
            Ok((_, missing)) => Err(missing),
            Err(error) => Err(format!("{error}\n{}", operator.log())),
        };
        await_until("the operator is ready", Duration::from_secs(20), ready).await;
        operator
    }

    /// Starts an operator for a namespace.
    ///
    /// # Panics
    /// When there is no such program.
    pub fn spawn(cluster: &Cluster, namespace: &str) -> Self {
        Self::spawn_with(cluster, namespace, cluster.kubeconfig())
    }

    /// Starts an operator for a namespace with the rights of whoever has this token.
    ///
    /// # Panics
    /// When there is no such program.
    pub fn spawn_as(cluster: &Cluster, namespace: &str, token: &str) -> Self {
        let administrator = std::fs::read_to_string(cluster.kubeconfig()).expect("the cluster runs");
        let (before, _) = administrator.split_once("users:").expect("a kubeconfig has users");
        let kubeconfig = cluster.kubeconfig().with_file_name(format!("kubeconfig-{namespace}"));
        let user = format!("users: [{{name: admin, user: {{token: {token}}}}}]");
        std::fs::write(&kubeconfig, format!("{before}{user}\n")).expect("a kubeconfig can be written");
        Self::spawn_with(cluster, namespace, kubeconfig)
    }

    fn spawn_with(cluster: &Cluster, namespace: &str, kubeconfig: PathBuf) -> Self {
        let unused = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = unused.expect("a port is free");
        let log =
            cluster.kubeconfig().with_file_name(format!("operator-of-{namespace}-{}.log", address.port()));
        let process = Command::new(programs().join("operator"))
            .args(["--worker-image", "example.org/worker:1", "--watch-namespaces", namespace])
            .args(["--listen", &address.to_string()])
            .env("KUBECONFIG", kubeconfig)
            .env("RUST_LOG", "info")
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

    /// How many objects it has written or deleted since its start.
    ///
    /// # Panics
    /// When it does not tell.
    pub async fn writes(&self) -> u64 {
        let (_, metrics) = self.ask("/metrics").await.expect("the operator answers");
        let line = metrics.lines().find_map(|line| line.strip_prefix("userstream_operator_writes_total "));
        line.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{metrics}"))
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
