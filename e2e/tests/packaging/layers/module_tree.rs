//! The modules of a crate, by following its `mod` declarations, without those that are compiled for tests alone.

use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, ItemMod, Lit, Meta};

/// A source file of a crate.
pub(crate) struct SourceFile {
    /// Its path, relative to the repository.
    pub(crate) path: PathBuf,
    /// The path of its module; empty for the crate root.
    pub(crate) module: Vec<String>,
    /// Its number of lines.
    pub(crate) lines: usize,
    /// Its items, including its unit tests.
    pub(crate) syntax: syn::File,
}

/// The files of a crate, its root first.
pub(crate) struct ModuleTree {
    pub(crate) files: Vec<SourceFile>,
}

impl ModuleTree {
    /// Reads a crate.
    ///
    /// # Panics
    /// When a file is missing or is not Rust.
    pub(crate) fn read(repository: &Path, root: &Path) -> Self {
        let folder = root.parent().expect("a crate root is in a folder");
        let mut tree = Self { files: Vec::new() };
        tree.read_file(repository, root, folder, Vec::new());
        tree
    }

    /// Reads a file and, below `folder`, its modules.
    fn read_file(&mut self, repository: &Path, path: &Path, folder: &Path, module: Vec<String>) {
        let text = fs::read_to_string(repository.join(path));
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let lines = text.lines().count();
        let declared = declarations(&syntax.items, folder, &module);
        self.files.push(SourceFile { path: path.to_owned(), module, lines, syntax });
        for Declaration { name, folder, parent, attributes } in declared {
            let given = given_path(&attributes).map(|given| path.with_file_name(given));
            let candidates = [folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs")];
            let mut candidates = given.into_iter().chain(candidates);
            let file = candidates.find(|file| repository.join(file).exists());
            let file = file.unwrap_or_else(|| panic!("{}: no file of module {name}", path.display()));
            let module = [parent, vec![name.clone()]].concat();
            self.read_file(repository, &file, &folder.join(&name), module);
        }
    }
}

/// A `mod name;` without a body.
struct Declaration {
    name: String,
    /// Where its file is.
    folder: PathBuf,
    /// The path of the module that declares it.
    parent: Vec<String>,
    attributes: Vec<Attribute>,
}

fn declarations(items: &[Item], folder: &Path, module: &[String]) -> Vec<Declaration> {
    let mut declared = Vec::new();
    for item in production_items(items) {
        let Item::Mod(ItemMod { ident, attrs, content, .. }) = item else { continue };
        let name = ident.to_string();
        match content {
            None => declared.push(Declaration {
                name,
                folder: folder.to_owned(),
                parent: module.to_vec(),
                attributes: attrs.clone(),
            }),
            Some((_, inner)) => {
                let nested = [module, std::slice::from_ref(&name)].concat();
                declared.extend(declarations(inner, &folder.join(name), &nested));
            }
        }
    }
    declared
}

/// The path of a `#[path = ".."]`.
fn given_path(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("path")).find_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else { return None };
        let syn::Expr::Lit(literal) = &pair.value else { return None };
        let Lit::Str(text) = &literal.lit else { return None };
        Some(text.value())
    })
}

/// The items that are compiled outside of tests too.
pub(crate) fn production_items(items: &[Item]) -> impl Iterator<Item = &Item> {
    items.iter().filter(|item| !is_for_tests(attributes(item)))
}

/// Whether attributes restrict an item to tests.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let Meta::List(list) = &attribute.meta else { return attribute.path().is_ident("test") };
        let condition = list.tokens.to_string();
        attribute.path().is_ident("cfg")
            && condition.split(|character: char| !character.is_alphanumeric()).any(|word| word == "test")
            && !condition.replace(' ', "").contains("not(test)")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

#[test]
fn items_for_tests_are_not_production_items() {
    let file = syn::parse_file(
        "#[cfg(test)] mod tests {} #[cfg(not(test))] mod a; #[cfg(any(test, feature = \"x\"))] use b::c; \
         #[cfg(feature = \"test\")] fn d() {} #[test] fn e() {} mod f { }",
    );
    let file = file.unwrap();
    let names: Vec<String> = production_items(&file.items)
        .map(|item| match item {
            Item::Mod(module) => module.ident.to_string(),
            Item::Fn(function) => function.sig.ident.to_string(),
            _ => "another".to_owned(),
        })
        .collect();
    assert_eq!(names, ["a", "f"], "a feature that is named `test` is for tests too");
}
