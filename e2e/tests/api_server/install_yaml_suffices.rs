use userstream_e2e::cluster::Cluster;
use userstream_e2e::documented_tables::file;
use userstream_e2e::rig::repository;

use crate::installation::{Installed, RELEASE};
use crate::test_namespace::Home;

#[tokio::test]
async fn install_yaml_is_taken_as_it_is_and_has_what_the_operator_needs() {
    let cluster = Cluster::bare_api_server("installed").await;
    let text = file("helm/install.yaml");
    let command = text.lines().find_map(|line| line.strip_prefix("#   kubectl ")).unwrap();
    // Its paths are those of the checkout.
    let path = |word: &str| repository().join(word).display().to_string();
    let words: Vec<String> = command
        .split_whitespace()
        .map(|word| if word.ends_with(".yaml") { path(word) } else { word.to_owned() })
        .collect();
    let said = cluster.try_kubectl(&words.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (told, warned) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(said.status.success(), "{told}{warned}");
    assert_eq!(warned, "", "neither a refusal nor a warning, such as that of the restricted profile");
    let objects = 1 + text.matches("\nkind: ").count();
    assert_eq!(told.matches(" serverside-applied\n").count(), objects, "{told}");

    let installed = Installed { cluster, namespace: "userstream-system".to_owned() };
    let operator = installed.operator(&["default"]).await;
    let home = Home::within(cluster).await;
    home.bring_up(&home.pipeline("users")).await;
    let chosen = cluster.get("deployment", &installed.namespace, RELEASE).await;
    let variables = chosen["spec"]["template"]["spec"]["containers"][0]["env"].as_array().cloned().unwrap();
    let image = &variables.iter().find(|one| one["name"] == "WORKER_IMAGE").unwrap()["value"];
    let processor = cluster.get("deployment", &home.namespace, "users-processor").await;
    assert_eq!(processor["spec"]["template"]["spec"]["containers"][0]["image"], *image);
    assert_eq!(installed.refused(), []);
    assert_eq!(operator.errors(), Vec::<String>::new());
    drop(operator);
    cluster.down().await;
}
