//! The command line: help, validation, field documentation, completions.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod support;

use support::{Workdir, generator, pipeline, root};

/// Help for a terminal of a fixed width, because clap wraps it.
fn help(arguments: &[&str]) -> String {
    let workdir = Workdir::new();
    let output = workdir.usp(arguments).env("COLUMNS", "100").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help_of_every_command_matches_its_snapshot() {
    insta::assert_snapshot!("help", help(&["--help"]));
    let commands = ["local", "validate", "plan", "tail", "explain", "completions"];
    let cluster_commands = ["status", "get", "run", "suspend", "resume", "logs", "check"];
    for command in commands.into_iter().chain(cluster_commands) {
        insta::assert_snapshot!(format!("help-{command}"), help(&[command, "--help"]));
    }
}

#[test]
fn help_has_no_colours_without_a_terminal() {
    assert!(!help(&["--help"]).contains('\u{1b}'));
}

#[test]
fn version_is_that_of_the_crate() {
    assert_eq!(help(&["--version"]), format!("usp {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn invalid_command_lines_exit_with_2() {
    let workdir = Workdir::new();
    for arguments in [
        &["lokal"][..],
        &["local"],
        &["local", "a.yaml", "--once", "--records", "5"],
        &["local", "a.yaml", "--for", "5 minutes"],
        &["local", "a.yaml", "--kafka", "nowhere"],
        &["plan"],
        &["plan", "a.yaml", "-f", "a.yaml"],
        &["plan", "a.yaml", "-n", "demo"],
        &["plan", "-f", "a.yaml", "--kafka", "kafka:9092"],
        &["get", "users", "--all-namespaces"],
        &["run", "users", "--timeout", "5m"],
    ] {
        let ended = workdir.run(arguments).expect(2);
        assert!(ended.stderr.contains("error:"), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn examples_are_valid() {
    let examples = root().join("crds/examples");
    let mut files: Vec<_> =
        std::fs::read_dir(&examples).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 3, "{files:?}");
    let workdir = Workdir::new();
    let ended = Workdir::run(
        &workdir,
        std::iter::once("validate".into()).chain(files.iter().map(|path| path.as_os_str().to_owned())),
    )
    .expect(0);
    assert_eq!(ended.stdout.lines().count(), files.len(), "{}", ended.stdout);
}

/// A pipeline with three errors: an unknown field, a number out of range, and a nullable key column.
fn invalid() -> String {
    pipeline(&generator(5))
        .replace("partitions: 3", "partitions: 0, retention: 5d")
        .replace("from: login.uuid, required: true", "from: login.uuid")
}

#[test]
fn errors_have_their_position_in_the_file() {
    let workdir = Workdir::new();
    let file = workdir.write("people.yaml", &invalid());
    let ended = workdir.run(["validate", &file]).expect(1);
    assert_eq!(ended.stdout, "");
    insta::assert_snapshot!("validate-invalid", ended.stderr);
}

#[test]
fn json_has_one_error_a_line() {
    let workdir = Workdir::new();
    let (good, bad) =
        (workdir.write("good.yaml", &pipeline(&generator(5))), workdir.write("people.yaml", &invalid()));
    let ended = workdir.run(["validate", &bad, &good, "--output", "json"]).expect(1);
    let findings: Vec<serde_json::Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(findings.len() >= 3, "{findings:?}");
    for finding in &findings {
        assert_eq!(finding["file"], "people.yaml");
        assert!(finding["line"].as_u64() > Some(1) && finding["message"].is_string(), "{finding}");
    }
}

#[test]
fn pipeline_is_read_from_standard_input() {
    let workdir = Workdir::new();
    let file = workdir.write("people.yaml", &pipeline(&generator(5)));
    let stdin = std::fs::File::open(workdir.path().join(file)).unwrap();
    let output = workdir.usp(["validate", "-"]).stdin(stdin).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn missing_file_exits_with_78() {
    let ended = Workdir::new().run(["validate", "nothing.yaml"]).expect(78);
    assert!(ended.stderr.contains("nothing.yaml cannot be read"), "{}", ended.stderr);
}

#[test]
fn invalid_pipelines_do_not_run() {
    let workdir = Workdir::new();
    let file = workdir.write("people.yaml", &invalid());
    for command in ["local", "plan", "tail"] {
        workdir.run([command, &file]).expect(1);
    }
    assert!(!workdir.path().join("userstream-data").exists());
}

#[test]
#[cfg(not(feature = "cluster"))]
fn without_the_kubernetes_client_the_build_is_named() {
    let workdir = Workdir::new();
    let file = workdir.write("people.yaml", &pipeline(&generator(5)));
    for arguments in [&["status", "people"][..], &["get"], &["check"], &["plan", "-f", &file]] {
        let ended = workdir.run(arguments).expect(78);
        let way = "cargo build --release -p userstream-cli --features cluster";
        assert!(ended.stderr.contains(way), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn explain_prints_the_documentation_of_a_field() {
    let workdir = Workdir::new();
    let text = workdir.run(["explain", "spec.source.http.interval"]).expect(0).stdout;
    assert!(text.starts_with("spec.source.http.interval  <string>"), "{text}");
    let text = workdir.run(["explain"]).expect(0).stdout;
    assert!(text.starts_with("UserStreamPipeline  <Object>") && text.contains("\n  spec "), "{text}");
    let ended = workdir.run(["explain", "spec.kafka.topik"]).expect(2);
    assert!(ended.stderr.contains("did you mean spec.kafka.topic?"), "{}", ended.stderr);
}

#[test]
fn every_field_is_documented() {
    let workdir = Workdir::new();
    let tree = workdir.run(["explain", "spec", "--recursive"]).expect(0).stdout;
    let mut path: Vec<String> = Vec::new();
    let mut fields = 0;
    for line in tree.lines().skip_while(|line| *line != "Fields:").skip(1) {
        let depth = (line.len() - line.trim_start().len()) / 2 - 1;
        path.truncate(depth);
        path.push(line.split_whitespace().next().unwrap().to_owned());
        // Kubernetes documents the fields of its pod template.
        if path[0] == "template" && depth > 0 {
            continue;
        }
        let field = path.join(".");
        let text = workdir.run(["explain", &field]).expect(0).stdout;
        let description = text.lines().nth(2).unwrap_or_default();
        assert!(description.starts_with("  ") && description.len() > 8, "{field} is not documented: {text}");
        fields += 1;
    }
    assert!(fields > 80, "only {fields} fields");
}

#[test]
fn completions_cover_every_shell() {
    let workdir = Workdir::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = workdir.run(["completions", shell]).expect(0).stdout;
        assert!(script.contains("usp") && script.contains("validate"), "{shell}: {script}");
    }
}

#[test]
fn closed_pipe_is_no_error() {
    let workdir = Workdir::new();
    let (reader, writer) = std::io::pipe().unwrap();
    // Like `| head -0`.
    drop(reader);
    let output = workdir.usp(["explain", "spec", "--recursive"]).stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
