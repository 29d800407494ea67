//! The commands in the documentation are run as they are written.
//!
//! A fenced block with the info string `sh run` is run line by line, one after the other in one directory for each file,
//! which has the repository's examples in it. `needs=PROGRAM` leaves a block out, and says so, where the program is not
//! installed. `sh run-in-cluster` is run by `e2e/tests/api_server`, and `sh not-run: reason` is for what cannot be run here. A block of shell without either fails the test.
//!
//! Two things are not as a reader has them: `cargo run --release --` is the binary under test, which is the same program
//! built otherwise, and a run without an end gets its Ctrl-C as soon as it has printed its first line.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed"
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

/// The words of a command, without its comment. Quotes are the only thing of the shell's that documentation uses.
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
                running.line().unwrap_or_else(|| panic!("{command}: it ended by itself"));
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

/// Runs the blocks of a file and gives back what was left out.
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
    let mut left_out = Vec::new();
    for block in shell_blocks(&text) {
        let words: Vec<&str> = block.info.split(' ').collect();
        match words.as_slice() {
            // `e2e/tests/api_server` runs them, against an API server.
            ["sh", "run-in-cluster"] => left_out.push(format!("{name}:{} (needs a cluster)", block.line)),
            ["sh", "not-run:", _, ..] => left_out.push(format!("{name}:{} ({})", block.line, block.info)),
            ["sh", "run", needs @ ..] => {
                let missing =
                    needs.iter().find(|word| !word.strip_prefix("needs=").is_some_and(is_installed));
                if let Some(missing) = missing {
                    left_out.push(format!("{name}:{} ({missing} is not there)", block.line));
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
            _ => panic!(
                "{name}:{}: a block of shell is marked neither `sh run` nor `sh not-run: reason`",
                block.line
            ),
        }
    }
    left_out
}

#[test]
fn commands_in_the_documentation_run_as_written() {
    let mut files = vec![root().join("README.md")];
    files.push(root().join("helm/userstream/README.md"));
    let documents = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    files.extend(documents.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    files.sort();
    for left_out in files.iter().flat_map(|file| check(file)) {
        println!("not run: {left_out}");
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut files =
        vec!["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "helm/userstream/README.md"]
            .into_iter()
            .map(|name| root().join(name))
            .collect::<Vec<_>>();
    files.extend(std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = file.parent().unwrap().join(target);
            assert!(path.exists(), "{}: {link} leads nowhere", file.display());
        }
    }
}

#[test]
fn files_that_the_architecture_names_are_there() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ") && line.contains("/src/"));
    let mut checked = 0;
    for path in rows.flat_map(|row| row.split('`').skip(1).step_by(2)).filter(|path| path.contains("/src/")) {
        for path in expanded(path) {
            assert!(root().join(&path).exists(), "ARCHITECTURE.md names {path}, which is not there");
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} paths were found");
}

#[test]
fn the_conversions_that_are_documented_are_those_that_the_code_names() {
    let code = std::fs::read_to_string(root().join("worker/src/mapping/convert.rs")).unwrap();
    let documented = std::fs::read_to_string(root().join("docs/mapping.md")).unwrap();
    let rows: Vec<&str> = code
        .lines()
        .filter_map(|line| line.strip_prefix("//! "))
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert!(rows.len() >= 9, "{rows:#?}");
    for row in rows {
        assert!(documented.contains(row), "docs/mapping.md does not say: {row}");
    }
}

#[test]
fn targets_of_make_that_are_named_exist() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
    let mut named = 0;
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/delivery.md", "docs/local-mode.md"]
    {
        let text = std::fs::read_to_string(root().join(name)).unwrap();
        // `make target variable=value`: the target is the first word.
        for target in text.split("`make ").skip(1).filter_map(|rest| rest.split(['`', ' ']).next()) {
            assert!(makefile.contains(&format!("\n{target}:")), "{name}: there is no `make {target}`");
            named += 1;
        }
    }
    assert!(named >= 5, "only {named} targets were found");
}

/// `a/{b,c}.rs` as `a/b.rs` and `a/c.rs`.
fn expanded(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else { return vec![path.to_owned()] };
    let Some((choices, after)) = rest.split_once('}') else { return vec![path.to_owned()] };
    choices.split(',').map(|choice| format!("{before}{choice}{after}")).collect()
}
