use std::fs;

use serde_json::json;
use userstream_e2e::rig::repository;
use userstream_e2e::usp::Usp;

use crate::test_namespace::TestNamespace;

/// The commands in the fenced blocks with this info string.
fn commands(text: &str, info: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(opening) => is_inside = opening == info,
            None if is_inside && !line.trim().is_empty() => commands.push(line.to_owned()),
            None => {}
        }
    }
    commands
}

#[tokio::test]
async fn documented_cluster_commands_run() {
    let test = TestNamespace::new().await;
    let _operator = test.operator().await;
    let text = fs::read_to_string(repository().join("docs/cluster-cli.md")).unwrap();
    let commands = commands(&text, "sh run-in-cluster");
    assert!(commands.len() >= 8, "{commands:#?}");
    test.bring_up(&test.pipeline("users")).await;
    let file = test.cluster.kubeconfig().with_file_name(format!("{}.yaml", test.namespace));
    let mut pipeline = test.pipeline("users");
    pipeline["spec"]["suspend"] = json!(true);
    fs::write(&file, pipeline.to_string()).unwrap();
    let usp = Usp::without_namespace(test.cluster);
    for command in commands {
        let command = command.split(" #").next().unwrap_or_default();
        let words: Vec<&str> = command.split_whitespace().collect();
        let arguments =
            words.strip_prefix(&["usp"]).unwrap_or_else(|| panic!("{command}: it does not begin with usp"));
        // The namespace and the file of the documentation are replaced by those of this test.
        let arguments: Vec<&str> = arguments
            .iter()
            .map(|word| match *word {
                "users.yaml" => file.to_str().unwrap(),
                "demo" => test.namespace.as_str(),
                word => word,
            })
            .collect();
        let usp = if arguments.contains(&"--all-namespaces") {
            Usp::without_namespace(test.cluster)
        } else {
            usp.clone()
        };
        let output = usp.run(&arguments).await;
        // Without a kubelet and a Deployment of the operator, nothing becomes ready.
        let reports_readiness = ["status", "check"].contains(arguments.first().unwrap());
        let expected = if reports_readiness { 3 } else { 0 };
        assert_eq!(
            output.code,
            Some(expected),
            "{command}\nstdout:\n{}\nstderr:\n{}",
            output.stdout,
            output.stderr
        );
    }
}
