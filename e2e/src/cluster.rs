//! A Kubernetes cluster, used as its users do: through kubectl and Helm.

mod kubectl;
mod pipelines;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::rig::repository;

pub use pipelines::{condition, conditions};

/// The namespace of the operator.
pub const SYSTEM: &str = "userstream-system";

/// A running cluster with the operator in it.
#[derive(Debug)]
pub struct Cluster {
    directory: PathBuf,
    /// The script that manages it: `cluster`, or `kind`, which takes the same commands.
    rig: &'static str,
}

impl Cluster {
    /// The cluster of `USERSTREAM_CLUSTER_DIR`, with the operator and the worker of this build. Without that variable, a
    /// cluster that ends with this process.
    ///
    /// # Panics
    /// When it does not start or the operator does not become ready.
    pub async fn with_operator() -> &'static Self {
        tokio::task::spawn_blocking(|| {
            static CLUSTER: OnceLock<Cluster> = OnceLock::new();
            CLUSTER.get_or_init(|| {
                let cluster = Self::running();
                cluster.build_images();
                cluster.install_chart();
                cluster
            })
        })
        .await
        .expect("starting the cluster does not panic")
    }

    /// An API server with the CustomResourceDefinition, and neither controllers nor nodes. All tests of this process share
    /// it, and it ends with the process.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn api_server() -> &'static Self {
        tokio::task::spawn_blocking(|| {
            static SERVER: OnceLock<Cluster> = OnceLock::new();
            SERVER.get_or_init(|| {
                let server = Self::start("up-api", Self::own("cluster"));
                server.install_crd();
                server
            })
        })
        .await
        .expect("starting the API server does not panic")
    }

    /// Another API server of this name, without the CustomResourceDefinition, for a test that changes cluster-wide objects.
    /// It ends with this process.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn bare_api_server(name: &'static str) -> &'static Self {
        let start = move || Self::start("up-api", Self::own(&format!("{name}-cluster")));
        let server =
            tokio::task::spawn_blocking(start).await.expect("starting the API server does not panic");
        Box::leak(Box::new(server))
    }

    /// Kills its API server with SIGKILL.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn kill_api_server(&'static self) {
        self.rig_in_background(&["kill", "kube-apiserver"]).await;
    }

    /// Starts its API server again, at the same address and with the same data, and returns when it answers.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart_api_server(&'static self) {
        self.rig_in_background(&["start-api"]).await;
    }

    /// Stops it before this process ends, and removes its data.
    ///
    /// # Panics
    /// When the rig's script fails.
    pub async fn down(&'static self) {
        self.rig_in_background(&["down"]).await;
    }

    async fn rig_in_background(&'static self, arguments: &'static [&'static str]) {
        let run = move || succeed(self.rig().args(arguments));
        tokio::task::spawn_blocking(run).await.expect("running the rig does not panic");
    }

    /// Installs the CustomResourceDefinition, and waits until it is served.
    ///
    /// # Panics
    /// When the API server refuses it.
    pub fn install_crd(&self) {
        let crd = repository().join("crds/userstreampipelines.yaml");
        succeed(self.rig().args(["kubectl", "apply", "--server-side", "-f"]).arg(crd));
        // `kubectl wait --for=condition` fails while the object has no conditions at all.
        let has_some =
            ["--for=jsonpath={.status.conditions[0].type}", "crd/userstreampipelines.userstream.dev"];
        let established = ["--for=condition=Established", "crd/userstreampipelines.userstream.dev"];
        for condition in [has_some, established] {
            succeed(self.rig().args(["kubectl", "wait", "--timeout=30s"]).args(condition));
        }
    }

    fn running() -> Self {
        let existing = std::env::var_os("USERSTREAM_CLUSTER_DIR").map(PathBuf::from);
        Self::start("up", existing.map_or_else(|| Self::own("cluster"), |directory| (directory, false)))
    }

    /// A directory that only this process uses, to be removed with it.
    fn own(name: &str) -> (PathBuf, bool) {
        (repository().join(format!("target/{name}-of-{}", std::process::id())), true)
    }

    fn start(command: &str, (directory, own): (PathBuf, bool)) -> Self {
        let on_kind =
            command == "up" && std::env::var("USERSTREAM_CLUSTER_RIG").is_ok_and(|rig| rig == "kind");
        let cluster = Self { directory, rig: if on_kind { "kind" } else { "cluster" } };
        if own {
            #[allow(clippy::zombie_processes, reason = "it outlives this process to clean up after it")]
            cluster
                .rig()
                .args(["follow", &std::process::id().to_string()])
                // A signal to this process group must not reach the cleanup.
                .process_group(0)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the rig's script can be started");
        }
        succeed(cluster.rig().arg(command));
        cluster
    }

    /// Installs the chart with the images of this build.
    ///
    /// # Panics
    /// When the operator does not become ready.
    pub async fn install(&'static self) {
        tokio::task::spawn_blocking(|| self.install_chart()).await.expect("installing does not panic");
    }

    /// Builds the images of the operator and the worker from this build's programs.
    fn build_images(&self) {
        let programs = programs();
        for name in ["operator", "worker"] {
            let file = format!("{}=/{name}", programs.join(name).display());
            succeed(self.rig().args(["image", name, &format!("--entrypoint=/{name}"), &file]));
        }
    }

    fn install_chart(&self) {
        let chart = repository().join("helm/userstream");
        let settings = "image.repository=rig.local/operator,image.tag=1,worker.image.repository=rig.local/worker,worker.image.tag=1";
        succeed(self.rig().args(["helm", "upgrade", "--install", "userstream"]).arg(chart).args([
            "--namespace",
            SYSTEM,
            "--create-namespace",
            "--set-string",
            settings,
            "--wait",
            "--timeout",
            "60s",
        ]));
    }

    /// The kubeconfig of its administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.directory.join("kubeconfig")
    }

    /// Writes the kubeconfig of the bearer of a token, in a file of this name.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn kubeconfig_with_token(&self, name: &str, token: &str) -> PathBuf {
        let administrator = std::fs::read_to_string(self.kubeconfig()).expect("the cluster runs");
        let (before, _) = administrator.split_once("users:").expect("a kubeconfig has users");
        let kubeconfig = self.kubeconfig().with_file_name(format!("kubeconfig-{name}"));
        let user = format!("users: [{{name: admin, user: {{token: {token}}}}}]");
        std::fs::write(&kubeconfig, format!("{before}{user}\n")).expect("a kubeconfig can be written");
        kubeconfig
    }

    /// The audit log of the API server: the requests of ServiceAccounts.
    pub fn audit_log(&self) -> PathBuf {
        self.directory.join("kube-apiserver/audit.log")
    }

    /// The process id of one of its servers, such as `kube-apiserver`.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pid(&self, server: &str) -> u32 {
        let pid = std::fs::read_to_string(self.directory.join(server).join("pid")).expect("the server runs");
        pid.trim().parse().expect("a pid is a number")
    }

    fn rig(&self) -> Command {
        let mut command = Command::new(repository().join("e2e/rig").join(self.rig));
        command.env("USERSTREAM_CLUSTER_DIR", &self.directory).stdin(Stdio::null());
        command
    }
}

/// The folder with the programs of this build, one above that of the tests.
///
/// # Panics
/// When the path of the running test is unknown.
pub fn programs() -> PathBuf {
    let test = std::env::current_exe().expect("the path of the running test is known");
    test.ancestors().nth(2).map(Path::to_owned).expect("tests lie in target/PROFILE/deps")
}

fn succeed(command: &mut Command) {
    let status = command.stdout(Stdio::null()).stderr(Stdio::inherit()).status();
    let status = status.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}
