use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;

use userstream_e2e::cluster::programs;

use crate::test_namespace::TestNamespace;

#[tokio::test]
async fn kubectl_runs_the_plugin_and_completes_its_commands() {
    let test = TestNamespace::new().await;
    test.cluster.apply(&test.pipeline("users")).await;
    let folder = test.cluster.kubeconfig().with_file_name(format!("{}-bin", test.namespace));
    fs::create_dir(&folder).unwrap();
    for name in ["kubectl-usp", "kubectl_complete-usp"] {
        symlink(programs().join("usp"), folder.join(name)).unwrap();
    }
    let mut path = OsString::from(&folder);
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let kubectl = async |arguments: &[&str]| {
        let output = test.cluster.try_kubectl_with(&path, arguments).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };

    let (code, listed, error) = kubectl(&["usp", "get", "-n", &test.namespace]).await;
    assert_eq!(code, Some(0), "{error}");
    assert!(listed.lines().any(|line| line.starts_with("users ")), "{listed}");
    let (_, help, _) = kubectl(&["usp", "status", "--help"]).await;
    assert!(help.contains("Usage: kubectl usp status [OPTIONS] <NAME>"), "{help}");
    let (_, completed, error) = kubectl(&["__complete", "usp", "sus"]).await;
    assert_eq!(completed, "suspend\n:4\n", "{error}");
}
