use userstream_e2e::cluster::Cluster;
use userstream_e2e::documented_tables::file;
use userstream_e2e::rig::repository;

use crate::installation::{Installation, RELEASE};
use crate::test_namespace::TestNamespace;

#[tokio::test]
async fn install_yaml_applies_cleanly_and_suffices() {
    let cluster = Cluster::bare_api_server("installed").await;
    let text = file("helm/install.yaml");
    let command = text.lines().find_map(|line| line.strip_prefix("#   kubectl ")).unwrap();
    // The paths of the command are relative to the checkout.
    let path = |word: &str| repository().join(word).display().to_string();
    let words: Vec<String> = command
        .split_whitespace()
        .map(|word| if word.ends_with(".yaml") { path(word) } else { word.to_owned() })
        .collect();
    let output = cluster.try_kubectl(&words.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    assert_eq!(stderr, "", "neither an error nor a warning, such as one of Pod Security");
    let objects = 1 + text.matches("\nkind: ").count();
    assert_eq!(stdout.matches(" serverside-applied\n").count(), objects, "{stdout}");

    let installation = Installation { cluster, namespace: "userstream-system".to_owned() };
    let operator = installation.operator(&["default"]).await;
    let test = TestNamespace::within(cluster).await;
    test.bring_up(&test.pipeline("users")).await;
    let deployment = cluster.get("deployment", &installation.namespace, RELEASE).await;
    let variables =
        deployment["spec"]["template"]["spec"]["containers"][0]["env"].as_array().cloned().unwrap();
    let image = &variables.iter().find(|one| one["name"] == "WORKER_IMAGE").unwrap()["value"];
    let processor = cluster.get("deployment", &test.namespace, "users-processor").await;
    assert_eq!(processor["spec"]["template"]["spec"]["containers"][0]["image"], *image);
    assert_eq!(installation.forbidden_requests(), []);
    assert_eq!(operator.errors(), Vec::<String>::new());
    drop(operator);
    cluster.down().await;
}
