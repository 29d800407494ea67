//! The items at the crate root that a module refers to, in `use` declarations, in paths, and in arguments of macros.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Item, UseTree};

use super::module_tree::{SourceFile, production_items};

/// A reference to an item at the crate root.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RootReference {
    /// The first name after `crate::`; `*` for all.
    pub(crate) name: String,
    /// Its line in the file.
    pub(crate) line: usize,
}

/// All references of a file to items at the crate root, without those of its unit tests.
pub(crate) fn root_references(file: &SourceFile) -> Vec<RootReference> {
    let mut found = Vec::new();
    collect(&file.syntax.items, file.module.len(), &mut found);
    found
}

/// `depth` is the number of `super`s from these items to the crate root.
fn collect(items: &[Item], depth: usize, found: &mut Vec<RootReference>) {
    for item in production_items(items) {
        match item {
            Item::Mod(module) => {
                if let Some((_, inner)) = &module.content {
                    collect(inner, depth + 1, found);
                }
            }
            Item::Impl(item) => {
                let mut production = item.clone();
                production.items.retain(|inner| match inner {
                    syn::ImplItem::Fn(function) => !super::module_tree::is_for_tests(&function.attrs),
                    _ => true,
                });
                scan(production.into_token_stream(), depth, found);
            }
            item => scan(item.to_token_stream(), depth, found),
        }
    }
}

fn scan(tokens: TokenStream, depth: usize, found: &mut Vec<RootReference>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut index = 0;
    while index < tokens.len() {
        if let TokenTree::Group(group) = &tokens[index] {
            scan(group.stream(), depth, found);
        }
        let after = path_to_root(&tokens[index..], depth);
        // `pub(in crate::a)` names a module without importing it.
        let is_visibility = index > 0 && is_ident(&tokens[index - 1], "in");
        if after > 0 && !is_visibility {
            found.extend(names_of(&tokens[index + after..]));
        }
        index += after.max(1);
    }
}

/// How many tokens at the start are `crate::`, or `depth` times `super::`.
fn path_to_root(tokens: &[TokenTree], depth: usize) -> usize {
    let starts_with = |index: usize, name: &str| {
        matches!(&tokens.get(index..index + 3), Some([first, colon, second])
            if is_ident(first, name) && is_colon(colon) && is_colon(second))
    };
    if starts_with(0, "crate") {
        return 3;
    }
    let supers = (0..).take_while(|step| starts_with(3 * step, "super")).count();
    if depth > 0 && supers == depth { 3 * supers } else { 0 }
}

/// The first names of the paths in the tokens behind `crate::`.
fn names_of(tokens: &[TokenTree]) -> Vec<RootReference> {
    let reference =
        |token: &TokenTree| RootReference { name: token.to_string(), line: token.span().start().line };
    match tokens.first() {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            let entries =
                inner.split(|token| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ','));
            entries.filter_map(|entry| entry.first()).map(reference).collect()
        }
        Some(token) => vec![reference(token)],
        None => Vec::new(),
    }
}

fn is_ident(token: &TokenTree, name: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == name)
}

fn is_colon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':')
}

/// The names that the crate root re-exports, each with the module that it comes from.
pub(crate) fn re_exports(root: &syn::File) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for item in production_items(&root.items) {
        let Item::Use(item) = item else { continue };
        if let UseTree::Path(path) = &item.tree {
            let module = path.ident.to_string();
            for name in leaves(&path.tree) {
                found.push((name, module.clone()));
            }
        }
    }
    found
}

fn leaves(tree: &UseTree) -> Vec<String> {
    match tree {
        UseTree::Path(path) => leaves(&path.tree),
        UseTree::Name(name) => vec![name.ident.to_string()],
        UseTree::Rename(rename) => vec![rename.rename.to_string()],
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
        UseTree::Glob(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(module: &[&str], code: &str) -> Vec<String> {
        let file = SourceFile {
            path: "a.rs".into(),
            module: module.iter().map(|name| (*name).to_owned()).collect(),
            lines: 0,
            syntax: syn::parse_file(code).unwrap(),
        };
        root_references(&file).into_iter().map(|reference| reference.name).collect()
    }

    #[test]
    fn uses_paths_and_arguments_of_macros_are_references() {
        let code = "use crate::{a::{self, b}, c, D}; use std::crate_name; fn f() -> crate::g::H { log!(\"{}\", crate::i::J) }";
        assert_eq!(names(&["x"], code), ["a", "c", "D", "g", "i"]);
        assert_eq!(names(&["x"], "use crate::*;"), ["*"]);
    }

    #[test]
    fn super_is_a_reference_only_where_it_reaches_the_root() {
        assert_eq!(names(&["x"], "use super::a; use super::{b, c};"), ["a", "b", "c"]);
        assert_eq!(names(&["x", "y"], "use super::a; use super::super::b;"), ["b"]);
        assert_eq!(names(&["x"], "mod y { use super::a; use super::super::b; }"), ["b"]);
    }

    #[test]
    fn unit_tests_and_visibilities_are_no_references() {
        let code = "pub(in crate::x) struct A; impl A { #[cfg(test)] fn b() { crate::c::d() } }
            #[cfg(test)] use crate::e; #[cfg(test)] mod tests { use crate::f; }";
        assert_eq!(names(&["x"], code), Vec::<String>::new());
    }

    #[test]
    fn re_exported_names_have_their_module() {
        let root = syn::parse_file("pub use a::{B, c::D as E}; mod a; use std::fmt;").unwrap();
        let expected = [("B", "a"), ("E", "a"), ("fmt", "std")];
        assert_eq!(re_exports(&root), expected.map(|(name, module)| (name.to_owned(), module.to_owned())));
    }
}
