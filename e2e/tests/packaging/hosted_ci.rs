//! Hosted CI only calls targets of `make`, so that its steps run on any machine.

use serde_json::Value;
use userstream_e2e::documented_tables::file;

#[test]
fn every_hosted_ci_step_calls_a_make_target() {
    let workflow: Value = serde_saphyr::from_str(&file(".github/workflows/ci.yaml")).unwrap();
    let makefile = file("Makefile");
    let mut targets = Vec::new();
    for (job, body) in workflow["jobs"].as_object().unwrap() {
        for step in body["steps"].as_array().unwrap() {
            let Some(command) = step["run"].as_str() else {
                let action = step["uses"].as_str().unwrap();
                assert!(action.starts_with("actions/"), "{job}: {action} is a third-party action");
                continue;
            };
            let target = command.trim().strip_prefix("make ").unwrap_or_else(|| panic!("{job}: {command}"));
            assert!(makefile.contains(&format!("\n{target}:")), "{job}: there is no `make {target}`");
            targets.push(target.to_owned());
        }
    }
    assert!(["lint", "test", "kind-test"].iter().all(|target| targets.iter().any(|one| one == target)));
}
