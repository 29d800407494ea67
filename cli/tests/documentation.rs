//! Runs the commands of the documentation, and checks its links and names.
//!
//! Every fenced block of shell must have one of these info strings:
//!
//! - `sh run`: the test runs the lines in order. The blocks of a file share one directory, which has the examples of the
//!   repository. `needs=PROGRAM` skips the block, and reports it, where the program is not installed.
//! - `sh run-in-cluster`: `e2e/tests/api_server` runs the lines.
//! - `sh not-run: reason`: no test runs the lines.
//!
//! Two things differ from a reader's terminal. `cargo run --release --` runs the binary under test, which is the same program
//! from another build. A run without a limit gets SIGINT after its first line of output.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::Path;

use rustix::process::Signal;
use support::{Ended, Workdir, root};

struct Block {
    line: usize,
    info: String,
    commands: Vec<String>,
}

/// The fenced blocks of a Markdown text whose language is `sh`.
fn shell_blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(info), None) => {
                open = Some(Block { line: number + 1, info: info.trim().to_owned(), commands: Vec::new() });
            }
            (None, Some(block)) if !line.trim().is_empty() => block.commands.push(line.to_owned()),
            (None, _) => {}
        }
    }
    blocks.retain(|block| block.info.split(' ').next() == Some("sh"));
    blocks
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Splits a command into words, without its comment. Quotes are the only shell syntax that the documentation uses.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for character in command.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, '#') if words.last().is_some_and(String::is_empty) => break,
            (None, ' ') => {
                if words.last().is_some_and(|word| !word.is_empty()) {
                    words.push(String::new());
                }
            }
            _ => words.last_mut().unwrap().push(character),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn run(workdir: &Workdir, command: &str) -> Ended {
    let words = words(command);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["usp", arguments @ ..] | ["cargo", "run", "--release", "--", arguments @ ..] => {
            let limited =
                arguments.iter().any(|word| ["--once", "--for", "--records", "--help"].contains(word));
            let mut running = workdir.start(arguments);
            if arguments.first() == Some(&"local") && !limited {
                running.line().unwrap_or_else(|| panic!("{command}: it exited before a signal"));
                running.signal(Signal::INT);
            }
            running.end()
        }
        [program, arguments @ ..] => {
            let output = std::process::Command::new(program)
                .args(arguments)
                .current_dir(workdir.path())
                .output()
                .unwrap_or_else(|error| panic!("{command}: {error}"));
            Ended::of(&output)
        }
        [] => panic!("an empty command: {command:?}"),
    }
}

/// Runs the blocks of a file. Returns the skipped ones.
fn check(path: &Path) -> Vec<String> {
    let name = path.strip_prefix(root()).unwrap().display();
    let text = std::fs::read_to_string(path).unwrap();
    let workdir = Workdir::new();
    let examples = root().join("crds/examples");
    for entry in std::fs::read_dir(examples).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        workdir.write(&format!("crds/examples/{name}"), &std::fs::read_to_string(&path).unwrap());
    }
    let mut skipped = Vec::new();
    for block in shell_blocks(&text) {
        let words: Vec<&str> = block.info.split(' ').collect();
        match words.as_slice() {
            ["sh", "run-in-cluster"] => skipped.push(format!("{name}:{} (needs a cluster)", block.line)),
            ["sh", "not-run:", _, ..] => skipped.push(format!("{name}:{} ({})", block.line, block.info)),
            ["sh", "run", needs @ ..] => {
                let missing =
                    needs.iter().find(|word| !word.strip_prefix("needs=").is_some_and(is_installed));
                if let Some(missing) = missing {
                    skipped.push(format!("{name}:{} ({missing} is not installed)", block.line));
                    continue;
                }
                for command in &block.commands {
                    let ended = run(&workdir, command);
                    assert_eq!(
                        ended.code,
                        Some(0),
                        "{name}:{}: {command}\nstdout:\n{}\nstderr:\n{}",
                        block.line,
                        ended.stdout,
                        ended.stderr
                    );
                }
            }
            _ => {
                panic!("{name}:{}: the info string is neither `sh run` nor `sh not-run: reason`", block.line)
            }
        }
    }
    skipped
}

#[test]
fn documented_commands_run_as_written() {
    let mut files = vec![root().join("README.md")];
    files.push(root().join("helm/userstream/README.md"));
    let documents = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    files.extend(documents.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    files.sort();
    for skipped in files.iter().flat_map(|file| check(file)) {
        println!("not run: {skipped}");
    }
}

#[test]
fn links_between_documents_resolve() {
    let mut files =
        vec!["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "helm/userstream/README.md"]
            .into_iter()
            .map(|name| root().join(name))
            .collect::<Vec<_>>();
    let documents = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    files.extend(documents.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = file.parent().unwrap().join(target);
            assert!(path.exists(), "{}: {link} does not resolve", file.display());
        }
    }
}

#[test]
fn files_named_by_the_architecture_exist() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ") && line.contains("/src/"));
    let mut checked = 0;
    for path in rows.flat_map(|row| row.split('`').skip(1).step_by(2)).filter(|path| path.contains("/src/")) {
        for path in expanded(path) {
            assert!(root().join(&path).exists(), "ARCHITECTURE.md names {path}, which does not exist");
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} paths were found");
}

#[test]
fn documented_conversions_match_the_code() {
    let code = std::fs::read_to_string(root().join("worker/src/mapping/convert.rs")).unwrap();
    let documented = std::fs::read_to_string(root().join("docs/mapping.md")).unwrap();
    let rows: Vec<&str> = code
        .lines()
        .filter_map(|line| line.strip_prefix("//! "))
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert!(rows.len() >= 9, "{rows:#?}");
    for row in rows {
        assert!(documented.contains(row), "docs/mapping.md lacks the row {row}");
    }
}

#[test]
fn documented_make_targets_exist() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
    let mut named = 0;
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/delivery.md", "docs/local-mode.md"]
    {
        let text = std::fs::read_to_string(root().join(name)).unwrap();
        // `make target variable=value`: the target is the first word.
        for target in text.split("`make ").skip(1).filter_map(|rest| rest.split(['`', ' ']).next()) {
            assert!(makefile.contains(&format!("\n{target}:")), "{name}: `make {target}` does not exist");
            named += 1;
        }
    }
    assert!(named >= 5, "only {named} targets were found");
}

/// Expands `a/{b,c}.rs` to `a/b.rs` and `a/c.rs`.
fn expanded(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else { return vec![path.to_owned()] };
    let Some((choices, after)) = rest.split_once('}') else { return vec![path.to_owned()] };
    choices.split(',').map(|choice| format!("{before}{choice}{after}")).collect()
}
