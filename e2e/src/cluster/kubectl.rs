//! kubectl and Helm against a cluster.

use std::ffi::OsStr;
use std::process::Output;

use serde_json::Value;

use super::Cluster;

impl Cluster {
    /// Runs kubectl and returns its standard output.
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

    /// Runs Helm and returns its standard output.
    ///
    /// # Panics
    /// When it fails.
    pub async fn helm(&self, arguments: &[&str]) -> String {
        let mut command = self.rig();
        command.arg("helm").args(arguments);
        let output = tokio::task::spawn_blocking(move || command.output().expect("Helm can be started"))
            .await
            .expect("running Helm does not panic");
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "helm {arguments:?}: {stdout}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        stdout
    }

    /// Runs kubectl and returns its output, whatever its exit code.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn try_kubectl(&self, arguments: &[&str]) -> Output {
        self.try_kubectl_with(&std::env::var_os("PATH").unwrap_or_default(), arguments).await
    }

    /// Runs kubectl with another `PATH`, where it finds its plugins.
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

    /// Applies a manifest with `kubectl apply`, and returns its output.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn apply(&self, manifest: &Value) -> String {
        self.try_apply(manifest).await.unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    /// Applies a manifest with `kubectl apply`, and returns its output.
    ///
    /// # Errors
    /// With the API server's message when it refuses the manifest.
    ///
    /// # Panics
    /// When kubectl cannot be started.
    pub async fn try_apply(&self, manifest: &Value) -> Result<String, String> {
        self.try_with_manifest(manifest, &["apply"]).await
    }

    /// Applies a manifest with server-side apply as a field manager. `force` takes over conflicting fields.
    ///
    /// # Errors
    /// With the API server's message when it refuses the manifest.
    ///
    /// # Panics
    /// When kubectl cannot be started.
    pub async fn try_apply_as(&self, manager: &str, manifest: &Value, force: bool) -> Result<String, String> {
        let (manager, force) = (format!("--field-manager={manager}"), format!("--force-conflicts={force}"));
        self.try_with_manifest(manifest, &["apply", "--server-side", &manager, &force]).await
    }

    /// Creates an object in a server-side dry run.
    ///
    /// # Errors
    /// With the API server's message when it refuses the object.
    ///
    /// # Panics
    /// When kubectl cannot be started.
    pub async fn dry_run_create(&self, namespace: &str, manifest: &Value) -> Result<String, String> {
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
    /// When it does not exist.
    pub async fn get(&self, kind: &str, namespace: &str, name: &str) -> Value {
        let text = self.kubectl(&["get", kind, "-n", namespace, name, "-o", "json"]).await;
        serde_json::from_str(&text).expect("kubectl prints JSON")
    }

    /// Writes the status of an object, in place of a controller that this cluster does not run.
    pub async fn write_status(&self, kind: &str, namespace: &str, name: &str, status: &Value) {
        let patch = serde_json::json!({"status": status}).to_string();
        let arguments =
            ["patch", kind, "-n", namespace, name, "--subresource=status", "--type=merge", "-p", &patch];
        self.kubectl(&arguments).await;
    }
}
