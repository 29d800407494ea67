//! The folders of `cli/src` are layers: a module imports only modules of lower layers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// The top-level modules, lowest layer first. Every module may import those before it.
const LAYERS: [&str; 8] =
    ["exit", "arguments", "terminal", "resource", "backend", "local", "cluster", "commands"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(sources(&path)),
            false if path.extension().is_some_and(|extension| extension == "rs") => files.push(path),
            false => {}
        }
    }
    files
}

/// The code of a file without its comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The names after each `prefix` in the code, such as `terminal` of `crate::terminal::print`.
fn imports(code: &str, prefix: &str) -> Vec<String> {
    let paths = code.split(prefix).skip(1);
    paths.map(|path| path.chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect()).collect()
}

#[test]
fn modules_import_only_lower_layers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let position = |module: &str| LAYERS.iter().position(|layer| *layer == module);
    let mut checked = 0;
    for path in sources(&root) {
        let relative = path.strip_prefix(&root).unwrap();
        let module = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if module == "main" {
            continue;
        }
        let layer = position(module).unwrap_or_else(|| panic!("{module} is in no layer"));
        for import in imports(&code(&path), "crate::") {
            let imported = position(&import).unwrap_or_else(|| panic!("{}: crate::{import}", path.display()));
            assert!(imported <= layer, "{} imports the higher layer {import}", path.display());
            checked += 1;
        }
    }
    assert!(checked > 100, "only {checked} imports were found");
}

#[test]
fn pure_modules_of_a_cluster_send_no_requests() {
    let cluster = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cluster");
    for path in sources(&cluster) {
        if path.starts_with(cluster.join("api")) || path == cluster.join("api.rs") {
            continue;
        }
        let code = code(&path);
        assert!(!code.contains("cluster::api") && !code.contains("kube::Api"), "{}", path.display());
        assert!(!code.contains(".await"), "{} waits for a request", path.display());
    }
}
