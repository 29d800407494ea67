//! The data rig: addresses of the servers, and commands to stop, kill, freeze and restart them.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A server of the rig.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// The Kafka broker.
    Kafka,
    /// The open Cassandra node.
    Cassandra,
    /// The Cassandra node that requires TLS and a password. It runs only after [`Rig::start`].
    CassandraSecure,
}

impl Server {
    fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Cassandra => "cassandra",
            Self::CassandraSecure => "cassandra-secure",
        }
    }
}

/// A running rig. Tests share its servers; a test that disturbs them locks the rig [exclusively](Rig::exclusive).
#[derive(Debug)]
pub struct Rig {
    /// `host:port` of Kafka's open listener.
    pub kafka: String,
    /// `host:port` of Kafka's open listener for pods of the cluster rig.
    pub kafka_pods: String,
    /// `host:port` of Kafka's listener with TLS, client certificate and SCRAM-SHA-512.
    pub kafka_secure: String,
    /// `host:port` of Kafka's secured listener for pods of the cluster rig.
    pub kafka_secure_pods: String,
    /// The user of the secured listener.
    pub kafka_username: String,
    /// The initial password of that user.
    pub kafka_password: String,
    /// `host:port` of the open Cassandra node.
    pub cassandra: String,
    /// `host:port` of the secured Cassandra node.
    pub cassandra_secure: String,
    /// The folder with `ca.pem`, `client.pem`, `client.key`, and `stranger.pem`, an authority that no server's certificate
    /// chains to.
    pub certificates: PathBuf,
    /// The folder of this rig, where tests keep their logs.
    pub directory: PathBuf,
}

/// A shared or exclusive lock on the rig, held until it is dropped.
#[derive(Debug)]
pub struct RigGuard {
    rig: &'static Rig,
    is_exclusive: bool,
    _lock: File,
}

impl Drop for RigGuard {
    /// A failed test may leave servers killed or frozen: restores them for the tests that follow.
    fn drop(&mut self) {
        if self.is_exclusive && std::thread::panicking() {
            for server in [Server::Kafka, Server::Cassandra] {
                for action in ["resume", "start"] {
                    let status = rig_command(&self.rig.directory).args([action, server.name()]).status();
                    eprintln!("--- {action} {}: {status:?}", server.name());
                }
            }
        }
    }
}

impl std::ops::Deref for RigGuard {
    type Target = Rig;

    fn deref(&self) -> &Rig {
        self.rig
    }
}

impl Rig {
    /// The rig, shared with other tests that do not disturb its servers.
    pub async fn shared() -> RigGuard {
        Self::lock(false, File::lock_shared).await
    }

    /// The rig for a test that kills, freezes or restarts servers: no other test holds it at the same time.
    pub async fn exclusive() -> RigGuard {
        Self::lock(true, File::lock).await
    }

    async fn lock(is_exclusive: bool, lock: fn(&File) -> std::io::Result<()>) -> RigGuard {
        tokio::task::spawn_blocking(move || {
            let rig = Self::running();
            let file = File::create(rig.directory.join("lock")).expect("the rig's folder can be written");
            lock(&file).expect("the rig's lock can be acquired");
            RigGuard { rig, is_exclusive, _lock: file }
        })
        .await
        .expect("acquiring the rig's lock does not panic")
    }

    /// The rig that `USERSTREAM_RIG_DIR` names, started unless it is running. Without that variable, a rig that ends with
    /// this process.
    fn running() -> &'static Self {
        static RIG: OnceLock<Rig> = OnceLock::new();
        RIG.get_or_init(|| {
            let (directory, own) = match std::env::var_os("USERSTREAM_RIG_DIR") {
                Some(directory) => (PathBuf::from(directory), false),
                None => (repository().join(format!("target/rig-of-{}", std::process::id())), true),
            };
            if own {
                #[allow(clippy::zombie_processes, reason = "it outlives this process to clean up after it")]
                rig_command(&directory)
                    .args(["follow", &std::process::id().to_string()])
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .expect("the rig's script can be started");
            }
            Self::from_env(&output(rig_command(&directory).arg("up")))
        })
    }

    fn from_env(text: &str) -> Self {
        let values: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
        let value = |name: &str| {
            (*values.get(name).unwrap_or_else(|| panic!("the rig did not print {name}"))).to_owned()
        };
        Self {
            kafka: value("RIG_KAFKA"),
            kafka_pods: value("RIG_KAFKA_PODS"),
            kafka_secure: value("RIG_KAFKA_SECURE"),
            kafka_secure_pods: value("RIG_KAFKA_SECURE_PODS"),
            kafka_username: value("RIG_KAFKA_USERNAME"),
            kafka_password: value("RIG_KAFKA_PASSWORD"),
            cassandra: value("RIG_CASSANDRA"),
            cassandra_secure: value("RIG_CASSANDRA_SECURE"),
            certificates: value("RIG_CERTIFICATES").into(),
            directory: value("RIG_DIR").into(),
        }
    }

    /// Starts a server with its existing data, and returns when it answers.
    pub async fn start(&self, server: Server) {
        self.run(&["start", server.name()]).await;
    }

    /// Kills a server with SIGKILL.
    pub async fn kill(&self, server: Server) {
        self.run(&["kill", server.name()]).await;
    }

    /// Stops a server gracefully.
    pub async fn stop(&self, server: Server) {
        self.run(&["stop", server.name()]).await;
    }

    /// Freezes a server: its sockets stay open and nothing answers.
    pub async fn pause(&self, server: Server) {
        self.run(&["pause", server.name()]).await;
    }

    /// Resumes a frozen server.
    pub async fn resume(&self, server: Server) {
        self.run(&["resume", server.name()]).await;
    }

    /// Runs one of Kafka's command-line tools against the open listener, and returns its standard output.
    pub async fn kafka_tool(&self, arguments: &[&str]) -> String {
        self.run(&[&["kafka-tool"], arguments].concat()).await
    }

    /// Issues a client certificate of the rig's authority: `name.pem` and `name.key` in [`certificates`](Self::certificates).
    pub async fn issue_certificate(&self, name: &str) {
        self.run(&["certificate", name]).await;
    }

    /// The process id of a running server.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pid(&self, server: Server) -> u32 {
        let file = self.directory.join(server.name()).join("pid");
        let pid = std::fs::read_to_string(file).expect("the server runs");
        pid.trim().parse().expect("a pid is a number")
    }

    async fn run(&self, arguments: &[&str]) -> String {
        let mut command = rig_command(&self.directory);
        command.args(arguments);
        tokio::task::spawn_blocking(move || output(&mut command))
            .await
            .expect("running the rig does not panic")
    }
}

/// The root of the checkout.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

fn rig_command(directory: &Path) -> Command {
    let mut command = Command::new(repository().join("e2e/rig/rig"));
    command.env("USERSTREAM_RIG_DIR", directory).env("USERSTREAM_RIG_FREE_PORTS", "1").stdin(Stdio::null());
    command
}

fn output(command: &mut Command) -> String {
    let output = command.stderr(Stdio::inherit()).output().expect("the rig's script can be started");
    assert!(output.status.success(), "{command:?} failed: {}", output.status);
    String::from_utf8(output.stdout).expect("the rig prints UTF-8")
}
