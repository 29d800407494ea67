//! The names in a compiled expression.

use std::collections::BTreeSet;

use kube_cel::cel::common::ast::{EntryExpr, Expr, IdedEntryExpr, IdedExpr};

/// The names in an expression.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Variables that it does not bind itself.
    pub(super) variables: BTreeSet<String>,
    /// Functions and operators.
    pub(super) functions: BTreeSet<String>,
    /// How many levels it has.
    pub(super) depth: usize,
}

/// Names of types, which are values in CEL.
const TYPES: [&str; 10] =
    ["int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type"];
/// What stands before the dot of functions that belong together.
const LIBRARIES: [&str; 9] =
    ["base64", "format", "ip", "jsonpatch", "lists", "math", "optional", "sets", "strings"];

/// Collects the names. The depth is limited by the parser's own, so recursion is safe here.
pub(super) fn names(expression: &IdedExpr) -> Names {
    let mut names = Names::default();
    collect(expression, &[], 1, &mut names);
    names
}

fn collect(expression: &IdedExpr, bound: &[&str], depth: usize, names: &mut Names) {
    names.depth = names.depth.max(depth);
    let inner = depth + 1;
    match &expression.expr {
        Expr::Ident(name) => {
            if !bound.contains(&name.as_str()) && !TYPES.contains(&name.as_str()) {
                names.variables.insert(name.clone());
            }
        }
        Expr::Call(call) => {
            match call.target.as_deref() {
                Some(IdedExpr { expr: Expr::Ident(library), .. })
                    if LIBRARIES.contains(&library.as_str()) =>
                {
                    names.functions.insert(format!("{library}.{}", call.func_name));
                }
                target => {
                    names.functions.insert(call.func_name.clone());
                    target.into_iter().for_each(|target| collect(target, bound, inner, names));
                }
            }
            call.args.iter().for_each(|argument| collect(argument, bound, inner, names));
        }
        Expr::Select(select) => collect(&select.operand, bound, inner, names),
        Expr::List(list) => list.elements.iter().for_each(|element| collect(element, bound, inner, names)),
        Expr::Map(map) => map.entries.iter().for_each(|entry| collect_entry(entry, bound, inner, names)),
        Expr::Struct(record) => {
            record.entries.iter().for_each(|entry| collect_entry(entry, bound, inner, names));
        }
        Expr::Comprehension(walk) => {
            collect(&walk.iter_range, bound, inner, names);
            collect(&walk.accu_init, bound, inner, names);
            let second = walk.iter_var2.as_deref();
            let own = [walk.iter_var.as_str(), walk.accu_var.as_str()];
            let bound: Vec<&str> = bound.iter().copied().chain(own).chain(second).collect();
            for part in [&walk.loop_cond, &walk.loop_step, &walk.result] {
                collect(part, &bound, inner, names);
            }
        }
        Expr::Literal(_) | Expr::Unspecified => {}
    }
}

fn collect_entry(entry: &IdedEntryExpr, bound: &[&str], depth: usize, names: &mut Names) {
    match &entry.expr {
        EntryExpr::StructField(field) => collect(&field.value, bound, depth, names),
        EntryExpr::MapEntry(entry) => {
            collect(&entry.key, bound, depth, names);
            collect(&entry.value, bound, depth, names);
        }
    }
}
