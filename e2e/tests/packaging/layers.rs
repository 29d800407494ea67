//! The layers of each crate, and the size of its functions and files.
//!
//! A module imports only modules below it, so that there is no cycle and a reader can start at the bottom. The failing test
//! prints an order that fits the imports.

mod imports;
mod module_graph;
mod module_tree;
mod size;

use std::path::Path;

use userstream_e2e::documented_tables::file;
use userstream_e2e::rig::repository;

use crate::repository_files::{files, top_level_entries};
use module_graph::ModuleGraph;
use module_tree::ModuleTree;

/// The top-level modules below a crate root, bottom first.
struct Crate {
    /// The root, relative to the repository.
    root: &'static str,
    layers: &'static [&'static str],
}

const CRATES: [Crate; 9] = [
    Crate {
        root: "expression/src/lib.rs",
        layers: &[
            "limits",
            "place",
            "kind",
            "error",
            "evaluation_error",
            "number",
            "pattern",
            "time",
            "version",
            "scope",
            "syntax",
            // Values and what they cost.
            "budget",
            "value",
            "comparison",
            "arithmetic",
            // Compilation and evaluation.
            "functions",
            "program",
            "check",
            "evaluate",
        ],
    },
    Crate {
        root: "crds/src/lib.rs",
        layers: &[
            "scalar",
            "rules",
            "resource",
            "model",
            "schema",
            "validate",
            "worker",
            "condition",
            "diagnostics",
        ],
    },
    Crate {
        root: "worker/src/lib.rs",
        layers: &[
            // Pure.
            "record",
            "mapping",
            "format",
            "runtime",
            "delivery",
            // Clients, behind the seams.
            "security",
            "sqlite",
            "log",
            "observe",
            "source",
            "table",
            // The loops, and the process around them.
            "loops",
            "provision",
            "command",
        ],
    },
    Crate {
        root: "operator/src/lib.rs",
        layers: &[
            // Pure.
            "model",
            "lifecycle",
            "manifest",
            "diff",
            "rbac",
            "status",
            "plan",
            // With clients, clocks and tasks.
            "runtime",
            "process",
        ],
    },
    Crate {
        root: "cli/src/main.rs",
        layers: &["exit", "arguments", "terminal", "resource", "backend", "local", "cluster", "commands"],
    },
    Crate {
        root: "e2e/src/lib.rs",
        layers: &[
            // Pure.
            "names",
            "record",
            "oracle",
            "users",
            // Servers and files.
            "poll_until",
            "secrets",
            "rig",
            "documented_tables",
            "cluster",
            "audit_log",
            // Clients of the servers.
            "topic",
            "table",
            "kafka_users",
            // The systems under test and their inputs.
            "source",
            "worker",
            "operator",
            "usp",
            "pipeline",
        ],
    },
    Crate { root: "bench/src/lib.rs", layers: &["usage", "machine"] },
    Crate {
        root: "bench/src/worker/main.rs",
        layers: &["setup", "costs", "plain_loop", "throughput", "instructions"],
    },
    Crate {
        root: "bench/src/operator/main.rs",
        layers: &["fake_workers", "pods", "fake_kubelet", "pipelines", "api_calls", "phase_costs"],
    },
];

/// Functions that may exceed the limit, as file and name, with the reason.
const LONG_FUNCTIONS: [(&str, &str, &str); 0] = [];

const FUNCTION_LINES: usize = 50;
const FILE_LINES: usize = 320;
const TOP_LEVEL_ENTRIES: usize = 22;

/// The layers of a crate as the table in `ARCHITECTURE.md` lists them, bottom first.
fn documented_layers(page: &str, name: &str) -> Vec<String> {
    let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).unwrap_or_default();
    let layers = row.split('|').nth(2).unwrap_or_default();
    layers.split('→').map(|layer| layer.trim().trim_matches('`').to_owned()).collect()
}

#[test]
fn architecture_shows_the_layers_of_each_crate() {
    let page = file("ARCHITECTURE.md");
    for Crate { root, layers } in CRATES.iter().filter(|it| it.root.split('/').count() == 3) {
        let name = root.split('/').next().unwrap();
        assert_eq!(documented_layers(&page, name), *layers, "the row of {name} in ARCHITECTURE.md");
    }
}

#[test]
fn modules_import_only_modules_below_them() {
    let mut violations = Vec::new();
    for Crate { root, layers } in &CRATES {
        let tree = ModuleTree::read(&repository(), Path::new(root));
        violations.extend(ModuleGraph::of(&tree).violations(root, layers));
    }
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

/// The tree of `usp status` and the summary of a pipeline are tested without a cluster.
#[test]
fn only_the_api_of_a_cluster_sends_requests() {
    let root = Path::new("cli/src/cluster");
    let api = [root.join("api"), root.join("api.rs")];
    let pure = files().into_iter().filter(|path| {
        path.starts_with(root)
            && path.extension().is_some_and(|it| it == "rs")
            && !api.iter().any(|it| path.starts_with(it))
    });
    let mut checked = 0;
    for path in pure {
        let text = file(path.to_str().unwrap());
        for code in text.lines().map(|line| line.split("//").next().unwrap_or_default()) {
            for request in ["cluster::api", "kube::Api", ".await"] {
                assert!(!code.contains(request), "{}: {code}", path.display());
            }
        }
        checked += 1;
    }
    assert!(checked > 5, "only {checked} files");
}

#[test]
fn every_crate_of_the_workspace_has_layers() {
    let manifest = file("Cargo.toml");
    let members = manifest.lines().find_map(|line| line.strip_prefix("members = [")).unwrap();
    for member in members.split('"').skip(1).step_by(2) {
        let root = format!("{member}/src/");
        assert!(CRATES.iter().any(|each| each.root.starts_with(&root)), "{member} has no layers");
    }
}

#[test]
fn functions_fit_a_screen() {
    let mut long = Vec::new();
    for file in production_files() {
        for function in size::functions(&file.syntax) {
            let is_exempt = LONG_FUNCTIONS
                .iter()
                .any(|(path, name, _)| file.path == Path::new(path) && function.name == *name);
            if function.lines > FUNCTION_LINES && !is_exempt {
                let (path, line) = (file.path.display(), function.line);
                long.push(format!("{path}:{line}: {} has {} lines", function.name, function.lines));
            }
        }
    }
    assert!(long.is_empty(), "more than {FUNCTION_LINES} lines:\n{}", long.join("\n"));
}

#[test]
fn files_have_one_idea() {
    let sizes = production_files().into_iter().map(|file| (size::lines_before_tests(&file), file.path));
    let long: Vec<_> = sizes.filter(|(lines, _)| *lines > FILE_LINES).collect();
    assert!(long.is_empty(), "more than {FILE_LINES} lines before their tests: {long:#?}");
}

#[test]
fn module_files_are_named_after_their_modules() {
    let is_mod_rs =
        |path: &Path| path.ends_with("mod.rs") && path.components().any(|part| part.as_os_str() == "src");
    let found: Vec<_> = files().into_iter().filter(|path| is_mod_rs(path)).collect();
    assert!(found.is_empty(), "`foo.rs` is beside `foo/` everywhere, but there is {found:#?}");
}

/// Hidden entries are not counted: tools prescribe their place.
#[test]
fn repository_has_few_entries_at_the_top() {
    let entries: Vec<_> = top_level_entries().into_iter().filter(|name| !name.starts_with('.')).collect();
    assert!(entries.len() <= TOP_LEVEL_ENTRIES, "{} entries: {entries:?}", entries.len());
}

/// The files of all crates, without those of their unit tests.
fn production_files() -> Vec<module_tree::SourceFile> {
    CRATES.iter().flat_map(|each| ModuleTree::read(&repository(), Path::new(each.root)).files).collect()
}
