//! The sources of crates without their tests.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, ItemMod, UseTree};

/// The parsed files of crates.
pub(super) struct Sources {
    pub(super) files: Vec<SourceFile>,
}

/// The items of a module.
pub(super) struct SourceFile {
    /// The directory of the crate.
    pub(super) package: &'static str,
    /// The path of the module in the crate; empty for the root.
    pub(super) module: Vec<String>,
    pub(super) items: Vec<Item>,
    /// The imported names, and what they stand for.
    pub(super) imports: HashMap<String, Import>,
}

/// An imported item.
pub(super) struct Import {
    /// The path to the item.
    pub(super) path: Vec<String>,
    /// The item's own name.
    pub(super) name: String,
}

impl Import {
    /// The path with the item.
    pub(super) fn full_path(&self) -> Vec<String> {
        [self.path.as_slice(), std::slice::from_ref(&self.name)].concat()
    }
}

impl Sources {
    /// Parses the crates in these directories, from their roots along the module declarations.
    pub(super) fn load(packages: &[&'static str]) -> Self {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut sources = Self { files: Vec::new() };
        for package in packages {
            for root in ["lib.rs", "main.rs"] {
                let directory = repository.join(package).join("src");
                let path = directory.join(root);
                if path.exists() {
                    sources.add_file(package, &path, &directory, &[]);
                }
            }
        }
        sources
    }

    fn add_file(&mut self, package: &'static str, path: &Path, children: &Path, module: &[String]) {
        let text = std::fs::read_to_string(path).unwrap();
        let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.add_items(package, file.items, children, module);
    }

    fn add_items(&mut self, package: &'static str, items: Vec<Item>, children: &Path, module: &[String]) {
        let mut imports = HashMap::new();
        let mut kept = Vec::new();
        for item in items {
            match item {
                Item::Use(item) => collect_imports(&item.tree, &mut Vec::new(), &mut imports),
                Item::Mod(item) if is_test(&item.attrs) => {}
                Item::Mod(item) => self.add_module(package, item, children, module),
                Item::Fn(item) if is_test(&item.attrs) => {}
                Item::Impl(item) if is_test(&item.attrs) => {}
                item => kept.push(item),
            }
        }
        self.files.push(SourceFile { package, module: module.to_vec(), items: kept, imports });
    }

    fn add_module(&mut self, package: &'static str, item: ItemMod, children: &Path, parent: &[String]) {
        let name = item.ident.to_string();
        let module = [parent, std::slice::from_ref(&name)].concat();
        let directory = children.join(&name);
        match item.content {
            Some((_, items)) => self.add_items(package, items, &directory, &module),
            None => {
                let beside = children.join(format!("{name}.rs"));
                let path: PathBuf = if beside.exists() { beside } else { directory.join("mod.rs") };
                self.add_file(package, &path, &directory, &module);
            }
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

fn collect_imports(tree: &UseTree, path: &mut Vec<String>, imports: &mut HashMap<String, Import>) {
    let mut add = |name: String, original: String, path: &[String]| {
        imports.insert(name, Import { path: path.to_vec(), name: original });
    };
    match tree {
        UseTree::Path(tree) => {
            path.push(tree.ident.to_string());
            collect_imports(&tree.tree, path, imports);
            path.pop();
        }
        UseTree::Name(tree) if tree.ident == "self" => {
            let name = path.last().cloned().unwrap_or_default();
            add(name.clone(), name, path);
        }
        UseTree::Name(tree) => add(tree.ident.to_string(), tree.ident.to_string(), path),
        UseTree::Rename(tree) => add(tree.rename.to_string(), tree.ident.to_string(), path),
        UseTree::Group(group) => group.items.iter().for_each(|tree| collect_imports(tree, path, imports)),
        UseTree::Glob(_) => {}
    }
}
