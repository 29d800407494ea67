//! A Kubernetes cluster, used as people use it: through kubectl and Helm.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;

use crate::rig::repository;
use crate::waiting::await_until;

/// The namespace of the operator.
pub const SYSTEM: &str = "userstream-system";

/// A running cluster with the operator in it.
#[derive(Debug)]
pub struct Cluster {
    directory: PathBuf,
    /// The script that knows it: `cluster`, or `kind`, which takes the same commands.
    rig: &'static str,
}

impl Cluster {
    /// The cluster of `USERSTREAM_CLUSTER_DIR`, with the operator and the worker of this build. Without that variable, one of
    /// this process's own, which ends when the process does.
    ///
    /// # Panics
    /// When it cannot be started or the operator does not become ready.
    pub async fn with_operator() -> &'static Self {
        tokio::task::spawn_blocking(|| {
            static CLUSTER: OnceLock<Cluster> = OnceLock::new();
            CLUSTER.get_or_init(|| {
                let cluster = Self::running();
                cluster.make_images();
                cluster.install_chart();
                cluster
            })
        })
        .await
        .expect("starting the cluster does not panic")
    }

    /// An API server alone, with the definition of the resource: nothing makes pods, and nothing collects garbage. One for
    /// all tests of this process, which ends when the process does.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn api_server() -> &'static Self {
        tokio::task::spawn_blocking(|| {
            static SERVER: OnceLock<Cluster> = OnceLock::new();
            SERVER.get_or_init(|| {
                let server = Self::start("up-api", Self::own("cluster"));
                server.define();
                server
            })
        })
        .await
        .expect("starting the API server does not panic")
    }

    /// Another API server of this name, without the definition of the resource, for a test that changes what is the whole
    /// cluster's. It ends when this process does.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn bare_api_server(name: &'static str) -> &'static Self {
        let start = move || Self::start("up-api", Self::own(&format!("{name}-cluster")));
        let server =
            tokio::task::spawn_blocking(start).await.expect("starting the API server does not panic");
        Box::leak(Box::new(server))
    }

    /// Ends its API server with SIGKILL.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn kill_api_server(&'static self) {
        self.rig_in_background(&["kill", "kube-apiserver"]).await;
    }

    /// Starts its API server again, where it was and with what it knew, and returns when it answers.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn start_api_server_again(&'static self) {
        self.rig_in_background(&["start-api"]).await;
    }

    /// Ends it before this process does, with all that it knew.
    ///
    /// # Panics
    /// When it cannot be ended.
    pub async fn down(&'static self) {
        self.rig_in_background(&["down"]).await;
    }

    async fn rig_in_background(&'static self, arguments: &'static [&'static str]) {
        let run = move || succeed(self.rig().args(arguments));
        tokio::task::spawn_blocking(run).await.expect("running the rig does not panic");
    }

    /// Installs the definition of the resource, and waits until it is served.
    ///
    /// # Panics
    /// When it cannot be.
    pub fn define(&self) {
        let definition = repository().join("crds/userstreampipelines.yaml");
        succeed(self.rig().args(["kubectl", "apply", "--server-side", "-f"]).arg(definition));
        // A definition has no conditions at first, which kubectl's wait for one takes for an error.
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

    /// A directory of this process's own.
    fn own(name: &str) -> (PathBuf, bool) {
        (repository().join(format!("target/{name}-of-{}", std::process::id())), true)
    }

    fn start(command: &str, (directory, own): (PathBuf, bool)) -> Self {
        let on_kind =
            command == "up" && std::env::var("USERSTREAM_CLUSTER_RIG").is_ok_and(|rig| rig == "kind");
        let cluster = Self { directory, rig: if on_kind { "kind" } else { "cluster" } };
        if own {
            #[allow(clippy::zombie_processes, reason = "it outlives this process to clean up behind it")]
            cluster
                .rig()
                .args(["follow", &std::process::id().to_string()])
                // Not in our group: what ends us as a group must not end it.
                .process_group(0)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the rig's script can be started");
        }
        succeed(cluster.rig().arg(command));
        cluster
    }

    /// Installs the chart with the images of this build, as for the first time.
    ///
    /// # Panics
    /// When the operator does not become ready.
    pub async fn install(&'static self) {
        tokio::task::spawn_blocking(|| self.install_chart()).await.expect("installing does not panic");
    }

    /// Makes the images of this build.
    fn make_images(&self) {
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

    /// The file that tells clients how to reach it as its administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.directory.join("kubeconfig")
    }

    /// The same for whoever has this token, in a file of this name.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn kubeconfig_of(&self, name: &str, token: &str) -> PathBuf {
        let administrator = std::fs::read_to_string(self.kubeconfig()).expect("the cluster runs");
        let (before, _) = administrator.split_once("users:").expect("a kubeconfig has users");
        let kubeconfig = self.kubeconfig().with_file_name(format!("kubeconfig-{name}"));
        let user = format!("users: [{{name: admin, user: {{token: {token}}}}}]");
        std::fs::write(&kubeconfig, format!("{before}{user}\n")).expect("a kubeconfig can be written");
        kubeconfig
    }

    /// The file in which the API server notes down what ServiceAccounts ask for.
    pub fn audit_log(&self) -> PathBuf {
        self.directory.join("kube-apiserver/audit.log")
    }

    /// The process id of a server of it, such as `kube-apiserver`.
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

    /// What kubectl prints.
    ///
    /// # Panics
    /// When it fails.
    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        let output = self.try_kubectl(arguments).await;
        assert!(
            output.status.success(),
            "kubectl {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What Helm prints.
    ///
    /// # Panics
    /// When it fails.
    pub async fn helm(&self, arguments: &[&str]) -> String {
        let mut command = self.rig();
        command.arg("helm").args(arguments);
        let output = tokio::task::spawn_blocking(move || command.output().expect("Helm can be started"))
            .await
            .expect("running Helm does not panic");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "helm {arguments:?}: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        said
    }

    /// What kubectl says, however it ends.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn try_kubectl(&self, arguments: &[&str]) -> Output {
        self.try_kubectl_with(&std::env::var_os("PATH").unwrap_or_default(), arguments).await
    }

    /// The same with another search path, where kubectl looks for its plugins.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn try_kubectl_with(&self, path: &OsStr, arguments: &[&str]) -> Output {
        let mut command = self.rig();
        command.env("PATH", path).arg("kubectl").args(arguments);
        tokio::task::spawn_blocking(move || command.output().expect("kubectl can be started"))
            .await
            .expect("running kubectl does not panic")
    }

    /// Applies a manifest as people do, and returns what was said.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn apply(&self, manifest: &Value) -> String {
        self.try_apply(manifest).await.unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    /// Applies a manifest.
    ///
    /// # Errors
    /// With what the API server said when it is refused.
    ///
    /// # Panics
    /// When kubectl cannot be started.
    pub async fn try_apply(&self, manifest: &Value) -> Result<String, String> {
        self.try_with_manifest(manifest, &["apply"]).await
    }

    /// Applies a manifest on the server's side as some manager of fields, if need be against the others.
    ///
    /// # Errors
    /// With what the API server said when it is refused.
    ///
    /// # Panics
    /// When kubectl cannot be started.
    pub async fn try_apply_as(&self, manager: &str, manifest: &Value, force: bool) -> Result<String, String> {
        let (manager, force) = (format!("--field-manager={manager}"), format!("--force-conflicts={force}"));
        self.try_with_manifest(manifest, &["apply", "--server-side", &manager, &force]).await
    }

    /// Asks whether an object could be created, and creates none.
    ///
    /// # Errors
    /// With what the API server said when it would be refused.
    ///
    /// # Panics
    /// When kubectl cannot be started.
    pub async fn would_create(&self, namespace: &str, manifest: &Value) -> Result<String, String> {
        self.try_with_manifest(manifest, &["create", "--dry-run=server", "-n", namespace]).await
    }

    async fn try_with_manifest(&self, manifest: &Value, arguments: &[&str]) -> Result<String, String> {
        let file = self.directory.join(format!("manifest-{}.json", uuid::Uuid::new_v4()));
        std::fs::write(&file, manifest.to_string()).expect("the manifest can be written");
        let path = file.display().to_string();
        let output = self.try_kubectl(&[arguments, &["-f", &path]].concat()).await;
        let _ = std::fs::remove_file(file);
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// The objects of a kind in a namespace.
    ///
    /// # Panics
    /// When kubectl fails or prints no JSON.
    pub async fn list(&self, kind: &str, namespace: &str) -> Vec<Value> {
        let text = self.kubectl(&["get", kind, "-n", namespace, "-o", "json"]).await;
        let mut list: Value = serde_json::from_str(&text).expect("kubectl prints JSON");
        list["items"].as_array_mut().map(std::mem::take).unwrap_or_default()
    }

    /// One object.
    ///
    /// # Panics
    /// When it is not there.
    pub async fn get(&self, kind: &str, namespace: &str, name: &str) -> Value {
        let text = self.kubectl(&["get", kind, "-n", namespace, name, "-o", "json"]).await;
        serde_json::from_str(&text).expect("kubectl prints JSON")
    }

    /// Writes the status of an object, as a controller would that this cluster does not have.
    pub async fn write_status(&self, kind: &str, namespace: &str, name: &str, status: &Value) {
        let patch = serde_json::json!({"status": status}).to_string();
        let arguments =
            ["patch", kind, "-n", namespace, name, "--subresource=status", "--type=merge", "-p", &patch];
        self.kubectl(&arguments).await;
    }

    /// A pipeline as it is now.
    ///
    /// # Panics
    /// When kubectl fails or prints no JSON.
    pub async fn pipeline(&self, namespace: &str, name: &str) -> Value {
        let text = self.kubectl(&["get", "userstreampipeline", "-n", namespace, name, "-o", "json"]).await;
        serde_json::from_str(&text).expect("kubectl prints JSON")
    }

    /// Waits until a condition of a pipeline has this status for its current generation, and returns the pipeline.
    ///
    /// # Panics
    /// When it does not come to it in time; with everything that is known of why.
    pub async fn await_condition(
        &self,
        namespace: &str,
        name: &str,
        condition: &str,
        status: &str,
        within: Duration,
    ) -> Value {
        let probe = async || {
            let pipeline = self.pipeline(namespace, name).await;
            let generation = &pipeline["metadata"]["generation"];
            let conditions = pipeline["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let is = |one: &Value| {
                one["type"] == condition
                    && one["status"] == status
                    && one["observedGeneration"] == *generation
            };
            if conditions.iter().any(is) {
                return Ok(pipeline);
            }
            let told: Vec<String> = conditions
                .iter()
                .map(|one| format!("{} {} {}: {}", one["type"], one["status"], one["reason"], one["message"]))
                .collect();
            Err(format!("{}\n{}", told.join("\n"), self.try_logs(namespace).await))
        };
        await_until(&format!("{namespace}/{name} has {condition}={status}"), within, probe).await
    }

    /// Waits until a condition of a pipeline has this reason, and returns the pipeline.
    ///
    /// # Panics
    /// When it does not come to it in time.
    pub async fn await_reason(
        &self,
        namespace: &str,
        name: &str,
        condition: &str,
        reason: &str,
        within: Duration,
    ) -> Value {
        let probe = async || {
            let pipeline = self.pipeline(namespace, name).await;
            let conditions = pipeline["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let is = |one: &Value| one["type"] == condition && one["reason"] == reason;
            if conditions.iter().any(is) { Ok(pipeline) } else { Err(format!("{conditions:#?}")) }
        };
        await_until(&format!("{namespace}/{name} has {condition} for the reason {reason}"), within, probe)
            .await
    }

    /// The ends of the logs of the operator and of a namespace's pods.
    async fn try_logs(&self, namespace: &str) -> String {
        let mut logs = String::new();
        for (namespace, selector) in
            [(SYSTEM, "app.kubernetes.io/name=userstream-operator"), (namespace, "userstream.dev/pipeline")]
        {
            let arguments = ["logs", "-n", namespace, "-l", selector, "--tail=5", "--prefix"];
            logs += &String::from_utf8_lossy(&self.try_kubectl(&arguments).await.stdout);
        }
        logs
    }
}

/// The folder of the programs of this build, beside which the tests lie.
///
/// # Panics
/// When a test does not know where it is.
pub fn programs() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    test.ancestors().nth(2).map(Path::to_owned).expect("tests lie in target/PROFILE/deps")
}

fn succeed(command: &mut Command) {
    let status = command.stdout(Stdio::null()).stderr(Stdio::inherit()).status();
    let status = status.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}
