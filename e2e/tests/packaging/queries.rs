//! PromQL queries, and the metrics that they select.

use std::collections::BTreeSet;

use promql_parser::parser::{Expr, VectorSelector};
use userstream_e2e::documented_tables::metrics;

/// Checks that a query parses and that each of its metrics is documented. Other tests compare the documented metrics with
/// those of the running programs.
pub(crate) fn check(place: &str, query: &str) {
    // Grafana replaces the variable before it sends the query.
    let query = query.replace("$__rate_interval", "5m");
    let parsed =
        promql_parser::parser::parse(&query).unwrap_or_else(|error| panic!("{place}: {error}\n{query}"));
    let documented = metrics();
    let mut named = BTreeSet::new();
    collect(&parsed, &mut named);
    assert!(!named.is_empty(), "{place}: {query} selects no metric");
    for name in named {
        let whole = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let is_histogram = |name: &str| documented.get(name).is_some_and(|kind| kind == "histogram");
        let is_known =
            documented.get(&name).is_some_and(|kind| kind != "histogram") || whole.is_some_and(is_histogram);
        assert!(is_known, "{place}: nothing exports {name}");
    }
}

fn collect(expression: &Expr, names: &mut BTreeSet<String>) {
    let mut select = |selector: &VectorSelector| names.extend(selector.name.clone());
    match expression {
        Expr::VectorSelector(selector) => select(selector),
        Expr::MatrixSelector(selector) => select(&selector.vs),
        Expr::Aggregate(aggregate) => collect(&aggregate.expr, names),
        Expr::Unary(unary) => collect(&unary.expr, names),
        Expr::Paren(inner) => collect(&inner.expr, names),
        Expr::Subquery(query) => collect(&query.expr, names),
        Expr::Binary(binary) => {
            collect(&binary.lhs, names);
            collect(&binary.rhs, names);
        }
        Expr::Call(call) => call.args.args.iter().for_each(|argument| collect(argument, names)),
        _ => {}
    }
}

#[test]
#[should_panic(expected = "nothing exports userstream_wishes_total")]
fn unknown_metric_is_detected() {
    check("here", "sum(rate(userstream_rows_written_total[5m])) / sum(rate(userstream_wishes_total[5m]))");
}

#[test]
#[should_panic(expected = "here: ")]
fn malformed_query_is_detected() {
    check("here", "sum(rate(userstream_rows_written_total[5m])");
}
