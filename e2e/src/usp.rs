//! `usp` as a process, against a cluster.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::cluster::{Cluster, programs};

/// `usp` with a kubeconfig and, by default, a namespace.
#[derive(Debug, Clone)]
pub struct Usp {
    kubeconfig: PathBuf,
    namespace: Option<String>,
}

/// The output and the exit code of a command.
#[derive(Debug)]
pub struct CommandOutput {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Usp {
    /// With the administrator's rights, in a namespace.
    pub fn of(cluster: &Cluster, namespace: &str) -> Self {
        Self { kubeconfig: cluster.kubeconfig(), namespace: Some(namespace.to_owned()) }
    }

    /// With the administrator's rights, and without a `-n` argument.
    pub fn without_namespace(cluster: &Cluster) -> Self {
        Self { kubeconfig: cluster.kubeconfig(), namespace: None }
    }

    /// With the rights of the bearer of this token, in a namespace.
    ///
    /// # Panics
    /// When its kubeconfig cannot be written.
    pub fn with_token(cluster: &Cluster, namespace: &str, token: &str) -> Self {
        let kubeconfig = cluster.kubeconfig_with_token(namespace, token);
        Self { kubeconfig, namespace: Some(namespace.to_owned()) }
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// When `usp` was not built.
    pub async fn run(&self, arguments: &[&str]) -> CommandOutput {
        let mut command = Command::new(programs().join("usp"));
        command.args(arguments).stdin(Stdio::null());
        if let Some(namespace) = &self.namespace {
            command.args(["-n", namespace]);
        }
        command.env("KUBECONFIG", &self.kubeconfig).env_remove("USP_LOG");
        let output = tokio::task::spawn_blocking(move || command.output().expect("usp was built"))
            .await
            .expect("running usp does not panic");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        CommandOutput {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

impl CommandOutput {
    /// The output, of a command that exited with this code.
    ///
    /// # Panics
    /// When it exited with another code: with all its output.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Its standard output as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// The first line of its standard output.
    pub fn first_line(&self) -> &str {
        self.stdout.lines().next().unwrap_or_default()
    }
}
