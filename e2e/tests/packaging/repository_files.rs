//! The files of the repository, without build artifacts and hidden folders of tools.

use std::fs;
use std::path::{Path, PathBuf};

use userstream_e2e::documented_tables::file;
use userstream_e2e::rig::repository;

/// Hidden folders that belong to the repository.
const HIDDEN_FOLDERS: [&str; 3] = [".ci", ".github", ".cargo"];

/// The paths of all files, relative to the repository, in order.
pub(crate) fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in top_level_entries() {
        collect(&repository(), Path::new(&name), &mut found);
    }
    found.sort();
    found
}

/// The names of the files and folders at the top of the repository, in order.
pub(crate) fn top_level_entries() -> Vec<String> {
    let ignored = file(".gitignore");
    let ignored: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('/')).collect();
    let mut names = names_in(&repository());
    names.retain(|name| !ignored.contains(&name.as_str()) && is_of_repository(&repository(), name));
    names
}

fn is_of_repository(folder: &Path, name: &str) -> bool {
    !name.starts_with('.') || HIDDEN_FOLDERS.contains(&name) || folder.join(name).is_file() && name != ".git"
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().expect("names are UTF-8")).collect();
    names.sort();
    names
}

fn collect(root: &Path, path: &Path, found: &mut Vec<PathBuf>) {
    let absolute = root.join(path);
    if absolute.is_dir() {
        for name in names_in(&absolute) {
            collect(root, &path.join(name), found);
        }
    } else {
        found.push(path.to_owned());
    }
}
