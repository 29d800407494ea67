//! The layers of the crate, as its documentation lists them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The modules in the table of `lib.rs`, bottom first.
fn documented() -> Vec<String> {
    let rows = read(&sources().join("lib.rs"));
    let rows = rows.lines().filter_map(|line| line.strip_prefix("//! | [`")?.split_once("`]"));
    rows.map(|(module, _)| module.to_owned()).collect()
}

/// The Rust files below a path.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path).unwrap();
    entries.flat_map(|entry| files(&entry.unwrap().path())).collect()
}

/// The layer of a file: its name, or that of its folder, directly below `src`.
fn layer(file: &Path) -> String {
    let below = file.strip_prefix(sources()).unwrap();
    let first = below.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The layers that a file names with `crate::`, outside of its unit tests.
fn imports(code: &str) -> BTreeSet<String> {
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = code.collect::<Vec<_>>().join("\n");
    let paths = code.split("crate::").skip(1);
    paths.map(|path| path.chars().take_while(|letter| letter.is_alphanumeric()).collect()).collect()
}

#[test]
fn each_layer_imports_only_the_layers_below_it() {
    let layers = documented();
    let position = |layer: &str| layers.iter().position(|one| one == layer);
    let mut seen = BTreeSet::new();
    for file in files(&sources()) {
        let of = layer(&file);
        if of == "lib" || of == "main" || file.ends_with("tests.rs") {
            continue;
        }
        let above = position(&of).unwrap_or_else(|| panic!("lib.rs does not list {of}"));
        for imported in imports(&read(&file)) {
            let below = position(&imported);
            assert!(below.is_some_and(|below| below <= above), "{} imports {imported}", file.display());
        }
        seen.insert(of);
    }
    assert_eq!(seen, layers.into_iter().collect());
}
