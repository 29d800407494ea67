//! The length of functions, and of files without their unit tests.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, ImplItemFn, Item, ItemFn, ItemMod, Signature, TraitItemFn};

use super::module_tree::{SourceFile, is_for_tests};

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Its first line, without attributes and documentation.
    pub(crate) line: usize,
    /// Its number of lines, from its first line to its closing brace.
    pub(crate) lines: usize,
}

/// All functions of a file, without those of its unit tests.
pub(crate) fn functions(file: &syn::File) -> Vec<Function> {
    let mut functions = Functions(Vec::new());
    functions.visit_file(file);
    functions.0
}

struct Functions(Vec<Function>);

impl Functions {
    fn add(&mut self, attributes: &[Attribute], signature: &Signature, body: &Block) {
        if !is_for_tests(attributes) {
            let (first, last) = (signature.span().start().line, body.span().end().line);
            self.0.push(Function { name: signature.ident.to_string(), line: first, lines: last - first + 1 });
        }
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.add(&function.attrs, &function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.add(&function.attrs, &function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.add(&function.attrs, &function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

/// How many lines a file has before its module of unit tests.
pub(crate) fn lines_before_tests(file: &SourceFile) -> usize {
    let tests = file.syntax.items.iter().find_map(|item| match item {
        Item::Mod(module) if module.content.is_some() && is_for_tests(&module.attrs) => Some(module),
        _ => None,
    });
    tests.map_or(file.lines, |tests| tests.span().start().line - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_counts_from_its_signature_to_its_brace() {
        let code = "/// Text.\n#[inline]\nfn a() {\n}\nimpl A {\n    pub fn b(\n    ) {}\n}\n#[cfg(test)]\nmod tests { fn c() {} }";
        let found = functions(&syn::parse_file(code).unwrap());
        let expected = [("a", 3, 2), ("b", 6, 2)];
        assert_eq!(
            found,
            expected.map(|(name, line, lines)| Function { name: name.to_owned(), line, lines })
        );
    }

    #[test]
    fn file_ends_before_its_unit_tests() {
        let code = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n}\n";
        let mut file = SourceFile {
            path: "a.rs".into(),
            module: Vec::new(),
            lines: 5,
            syntax: syn::parse_file(code).unwrap(),
        };
        assert_eq!(lines_before_tests(&file), 2);
        file.syntax = syn::parse_file("fn a() {}\n#[cfg(test)]\nmod tests;\n").unwrap();
        assert_eq!(lines_before_tests(&file), 5);
    }
}
