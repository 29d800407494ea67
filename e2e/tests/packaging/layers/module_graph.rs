//! The imports between the top-level modules of a crate, and how they violate its layers.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::{re_exports, root_references};
use super::module_tree::ModuleTree;

/// What a module imports beside modules: items that the crate root defines.
const ROOT: &str = "the crate root";

/// The top-level modules of a crate, and the imports between them.
pub(crate) struct ModuleGraph {
    modules: BTreeSet<String>,
    /// The places of each import, by importer and imported.
    imports: BTreeMap<(String, String), Vec<String>>,
}

impl ModuleGraph {
    pub(crate) fn of(tree: &ModuleTree) -> Self {
        let modules: BTreeSet<String> =
            tree.files.iter().filter_map(|file| file.module.first().cloned()).collect();
        let inline = tree.files.iter().take(1).flat_map(|root| inline_modules(&root.syntax));
        let modules: BTreeSet<String> = modules.into_iter().chain(inline).collect();
        let root = tree.files.first().map(|root| re_exports(&root.syntax)).unwrap_or_default();
        let re_exports: BTreeMap<String, String> = root.into_iter().collect();
        let mut imports: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for file in &tree.files {
            let Some(importer) = file.module.first() else { continue };
            for reference in root_references(file) {
                let imported = match re_exports.get(&reference.name) {
                    _ if modules.contains(&reference.name) => reference.name,
                    Some(module) if modules.contains(module) => module.clone(),
                    _ => ROOT.to_owned(),
                };
                if *importer != imported {
                    let place = format!("{}:{}", file.path.display(), reference.line);
                    imports.entry((importer.clone(), imported)).or_default().push(place);
                }
            }
        }
        Self { modules, imports }
    }

    /// How the imports violate these layers, which are listed bottom first. If they do, also an order that fits the imports,
    /// cycles apart.
    pub(crate) fn violations(&self, root: &str, layers: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        let layer = |module: &str| layers.iter().position(|layer| *layer == module);
        let unlisted = self.modules.iter().filter(|module| layer(module).is_none());
        let unlisted: Vec<&str> = unlisted.map(String::as_str).collect();
        if !unlisted.is_empty() {
            found.push(format!("{root}: in no layer: {}", unlisted.join(", ")));
        }
        for module in layers.iter().filter(|module| !self.modules.contains(**module)) {
            found.push(format!("{root}: no module {module} exists"));
        }
        for cycle in self.components().into_iter().filter(|component| component.len() > 1) {
            found.push(format!("{root}: a cycle: {}", cycle.join(", ")));
        }
        for ((importer, imported), places) in &self.imports {
            let is_above = match (layer(importer), layer(imported)) {
                _ if imported == ROOT => true,
                (Some(importer), Some(imported)) => importer < imported,
                _ => false,
            };
            if is_above {
                let places = places.join(", ");
                found.push(format!("{root}: {importer} imports {imported}, which is above it: {places}"));
            }
        }
        if !found.is_empty() {
            let order: Vec<String> =
                self.components().into_iter().flatten().map(|it| format!("\"{it}\"")).collect();
            found.push(format!("{root}: an order of the imports, bottom first: &[{}]", order.join(", ")));
        }
        found
    }

    /// The strongly connected components of the imports, a component after those that it imports.
    fn components(&self) -> Vec<Vec<String>> {
        let mut rest = self.modules.clone();
        let mut ordered = Vec::new();
        while !rest.is_empty() {
            // The module that imports the fewest others is in a component at the bottom.
            let reachable = |from: &String| self.reachable(from, &rest);
            let Some(lowest) = rest.iter().min_by_key(|module| reachable(module).len()) else { break };
            let component: Vec<String> = reachable(lowest).into_iter().collect();
            rest.retain(|module| !component.contains(module));
            ordered.push(component);
        }
        ordered
    }

    /// The modules that one imports, directly or through others, and itself.
    fn reachable(&self, from: &str, among: &BTreeSet<String>) -> BTreeSet<String> {
        let mut found = BTreeSet::from([from.to_owned()]);
        let mut open = vec![from.to_owned()];
        while let Some(importer) = open.pop() {
            for (_, imported) in self.imports.keys().filter(|(from, _)| *from == importer) {
                if among.contains(imported) && found.insert(imported.clone()) {
                    open.push(imported.clone());
                }
            }
        }
        found
    }
}

fn inline_modules(root: &syn::File) -> Vec<String> {
    let modules = super::module_tree::production_items(&root.items).filter_map(|item| match item {
        syn::Item::Mod(module) if module.content.is_some() => Some(module.ident.to_string()),
        _ => None,
    });
    modules.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(imports: &[(&str, &str)]) -> ModuleGraph {
        let names = imports.iter().flat_map(|(from, to)| [*from, *to]).filter(|name| *name != ROOT);
        let import =
            |(from, to): &(&str, &str)| (((*from).to_owned(), (*to).to_owned()), vec!["a.rs:1".to_owned()]);
        ModuleGraph {
            modules: names.map(str::to_owned).collect(),
            imports: imports.iter().map(import).collect(),
        }
    }

    /// The violations without the order, which is the last line.
    fn violations(imports: &[(&str, &str)], layers: &[&str]) -> Vec<String> {
        let mut found = graph(imports).violations("x", layers);
        found.pop();
        found
    }

    #[test]
    fn import_of_a_module_above_is_a_violation() {
        let imports = [("a", "b"), ("c", "b")];
        assert_eq!(graph(&imports).violations("x", &["b", "a", "c"]), Vec::<String>::new());
        assert_eq!(violations(&imports, &["a", "b", "c"]), ["x: a imports b, which is above it: a.rs:1"]);
    }

    #[test]
    fn import_from_the_crate_root_is_a_violation() {
        let found = violations(&[("a", ROOT)], &["a"]);
        assert_eq!(found, ["x: a imports the crate root, which is above it: a.rs:1"]);
    }

    #[test]
    fn cycle_is_a_violation() {
        let found = violations(&[("a", "b"), ("b", "a"), ("c", "a")], &["a", "b", "c"]);
        assert_eq!(found, ["x: a cycle: a, b", "x: a imports b, which is above it: a.rs:1"]);
    }

    #[test]
    fn unlisted_or_missing_module_is_a_violation() {
        let found = violations(&[("a", "c"), ("c", "b")], &["a", "b", "d"]);
        assert_eq!(found, ["x: in no layer: c", "x: no module d exists"]);
    }

    #[test]
    fn violations_end_with_an_order_that_fits_the_imports() {
        let found = graph(&[("a", "c"), ("c", "b")]).violations("x", &[]);
        assert_eq!(found[1], r#"x: an order of the imports, bottom first: &["b", "c", "a"]"#);
    }
}
