use std::time::Duration;

use proptest::prelude::*;

use super::super::fixtures::{columns, observe, table};
use super::*;

fn users() -> Table {
    table(&[("id", CqlType::Uuid), ("at", CqlType::Timestamp), ("nat", CqlType::Text)])
}

fn lines(desired: &Table, observed: Option<&ObservedTable>) -> Vec<String> {
    let plan = plan(desired, observed, &Ownership::Own).unwrap();
    plan.changes.iter().map(|change| change.describe(desired)).collect()
}

fn refusal(desired: &Table, observed: &ObservedTable) -> TableRefusal {
    plan(desired, Some(observed), &Ownership::Own).unwrap_err()
}

#[test]
fn missing_table_is_created() {
    assert_eq!(
        lines(&users(), None),
        ["table spark_streams.created_users: create, 3 columns, primary key ((id))"]
    );
}

#[test]
fn missing_columns_are_added_and_unmanaged_ones_kept() {
    let mut observed = observe(&users());
    observed.columns.remove("nat");
    observed.columns.insert(
        "unmanaged".to_owned(),
        ObservedColumn { cql_type: "list<text>".to_owned(), kind: ColumnKind::Regular },
    );
    assert_eq!(lines(&users(), Some(&observed)), ["table spark_streams.created_users: add column nat text"]);
    observed.columns.remove("at");
    assert_eq!(
        lines(&users(), Some(&observed)),
        ["table spark_streams.created_users: add columns at timestamp, nat text"]
    );
}

#[test]
fn different_primary_key_is_refused() {
    let observed = observe(&users());
    let desired = Table { partition_key: vec![0, 2], clustering_key: vec![1], ..users() };
    assert_eq!(
        refusal(&desired, &observed).to_string(),
        "table spark_streams.created_users has the primary key ((id)) and the pipeline declares ((id, nat), at): a \
         primary key cannot be changed; use another table"
    );
    let reordered = Table { partition_key: vec![2, 0], clustering_key: vec![1], ..users() };
    let refusal = plan(&reordered, Some(&observe(&desired)), &Ownership::Own).unwrap_err();
    assert!(matches!(refusal, TableRefusal::PrimaryKey { .. }), "{refusal}");
}

#[test]
fn different_column_type_is_refused_with_the_observed_type() {
    let mut observed = observe(&users());
    observed.columns.get_mut("nat").unwrap().cql_type = "ascii".to_owned();
    assert_eq!(
        refusal(&users(), &observed).to_string(),
        "column nat of table spark_streams.created_users is ascii and the pipeline declares text: a type cannot be \
         changed; set type: ascii, or use another column"
    );
}

#[test]
fn static_column_is_refused() {
    let mut observed = observe(&users());
    observed.columns.get_mut("nat").unwrap().kind = ColumnKind::Static;
    assert!(matches!(refusal(&users(), &observed), TableRefusal::StaticColumn { .. }));
}

#[test]
fn table_of_others_is_refused_and_an_unclaimed_one_adopted() {
    let observed = observe(&users());
    let other = Ownership::Other { owner: "demo/others".to_owned() };
    let adopting = Table { adoption: AdoptionPolicy::Adopt, ..users() };
    let refusal = plan(&adopting, Some(&observed), &other).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "table spark_streams.created_users was created by the pipeline demo/others; choose another table, or delete its \
         row from spark_streams.userstream_claims if that pipeline is gone"
    );
    let refusal = plan(&users(), Some(&observed), &Ownership::Unclaimed).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "table spark_streams.created_users exists and was not created by this pipeline; set adoptionPolicy: Adopt to use \
         it, or choose another name"
    );
    assert_eq!(plan(&adopting, Some(&observed), &Ownership::Unclaimed), Ok(TablePlan::default()));
}

#[test]
fn manual_evolution_reports_differences_and_alters_nothing() {
    let manual = Table { evolution: Evolution::Manual, ..users() };
    let mut observed = observe(&users());
    observed.columns.remove("nat");
    assert_eq!(
        refusal(&manual, &observed).to_string(),
        "table spark_streams.created_users lacks columns, and evolution: Manual does not add them; add them with ALTER \
         TABLE \"spark_streams\".\"created_users\" ADD (\"nat\" text)"
    );
    let commented = Table {
        options: TableOptions { comment: Some("users".to_owned()), ..TableOptions::default() },
        ..manual.clone()
    };
    let plan = plan(&commented, Some(&observe(&manual)), &Ownership::Own).unwrap();
    assert!(plan.changes.is_empty());
    assert_eq!(plan.drift.unwrap().to_string(), "comment \"\" is not \"users\"");
    assert_eq!(lines(&manual, None).len(), 1, "creating is not altering");
}

#[test]
fn only_declared_options_that_differ_are_altered() {
    let mut desired = users();
    let mut observed = observe(&users());
    observed.options.compaction = Some(
        [
            (
                "class".to_owned(),
                "org.apache.cassandra.db.compaction.TimeWindowCompactionStrategy".to_owned(),
            ),
            ("max_threshold".to_owned(), "32".to_owned()),
        ]
        .into(),
    );
    desired.options.compaction =
        Some([("class".to_owned(), "TimeWindowCompactionStrategy".to_owned())].into());
    desired.options.gc_grace = Some(Duration::from_secs(864_000));
    assert!(lines(&desired, Some(&observed)).is_empty());
    desired.options.default_time_to_live = Some(Duration::from_secs(3_600));
    desired.options.compaction.as_mut().unwrap().insert("max_threshold".to_owned(), "16".to_owned());
    assert_eq!(
        lines(&desired, Some(&observed)),
        ["table spark_streams.created_users: default_time_to_live 0 -> 3600, compaction {\"class\": \
             \"org.apache.cassandra.db.compaction.TimeWindowCompactionStrategy\", \"max_threshold\": \"32\"} -> \
             {\"class\": \"TimeWindowCompactionStrategy\", \"max_threshold\": \"16\"}"]
    );
}

/// Applies a plan as Cassandra does.
fn apply(desired: &Table, observed: Option<ObservedTable>, plan: &TablePlan) -> ObservedTable {
    let mut table = observed.unwrap_or_else(|| observe(desired));
    for change in &plan.changes {
        match change {
            TableChange::Create => {}
            TableChange::AddColumns(columns) => {
                for (name, cql_type) in columns {
                    let column =
                        ObservedColumn { cql_type: cql_type.name().to_owned(), kind: ColumnKind::Regular };
                    assert!(table.columns.insert(name.to_string(), column).is_none(), "{name} exists");
                }
            }
            TableChange::AlterOptions { to, .. } => {
                let options = &mut table.options;
                options.default_time_to_live = to.default_time_to_live.or(options.default_time_to_live);
                options.comment = to.comment.clone().or(options.comment.take());
                options.gc_grace = to.gc_grace.or(options.gc_grace);
                options.compaction = to.compaction.clone().or(options.compaction.take());
            }
        }
    }
    table
}

const TYPES: [CqlType; 3] = [CqlType::Uuid, CqlType::Text, CqlType::Int];

fn any_type() -> impl Strategy<Value = CqlType> {
    prop::sample::select(TYPES.to_vec())
}

fn any_options() -> impl Strategy<Value = TableOptions> {
    let map = prop::collection::btree_map("class|[a-b]", "(o\\.a\\.)?[x-y]", 1..3);
    (
        prop::option::of(0_u64..3),
        prop::option::of("[a-b']{0,2}"),
        prop::option::of(0_u64..3),
        prop::option::of(map),
    )
        .prop_map(|(ttl, comment, grace, compaction)| TableOptions {
            default_time_to_live: ttl.map(Duration::from_secs),
            comment,
            gc_grace: grace.map(Duration::from_secs),
            compaction,
        })
}

prop_compose! {
    /// A table whose key is `k`, or `k` and the first of its other columns.
    fn any_table()(
        types in prop::collection::btree_map("[a-e]", any_type(), 1..5),
        clustered in any::<bool>(),
        manual in prop::bool::weighted(0.2),
        options in any_options(),
    ) -> Table {
        let columns: Vec<_> = std::iter::once(("k", CqlType::Uuid))
            .chain(types.iter().map(|(name, cql_type)| (name.as_str(), *cql_type)))
            .collect();
        Table {
            clustering_key: if clustered { vec![1] } else { Vec::new() },
            evolution: if manual { Evolution::Manual } else { Evolution::AdditiveOnly },
            adoption: AdoptionPolicy::Adopt,
            options,
            ..table(&columns)
        }
    }
}

proptest! {
    #[test]
    fn second_plan_is_empty(
        desired in any_table(),
        observed in prop::option::of(any_table()),
    ) {
        let observed = observed.as_ref().map(observe);
        if let Ok(first) = plan(&desired, observed.as_ref(), &Ownership::Own) {
            let after = apply(&desired, observed, &first);
            let second = plan(&desired, Some(&after), &Ownership::Own).unwrap();
            prop_assert!(second.changes.is_empty(), "{:?} after {:?}", second, first);
            prop_assert_eq!(columns(&desired).filter(|column| !after.columns.contains_key(*column)).count(), 0);
        }
    }

    #[test]
    fn plan_removes_nothing(desired in any_table(), observed in any_table()) {
        let observed = observe(&observed);
        if let Ok(plan) = plan(&desired, Some(&observed), &Ownership::Unclaimed) {
            let after = apply(&desired, Some(observed.clone()), &plan);
            for (name, column) in &observed.columns {
                prop_assert_eq!(after.columns.get(name), Some(column));
            }
            prop_assert_eq!(&after.id, &observed.id);
            if desired.evolution == Evolution::Manual {
                prop_assert_eq!(after, observed);
            }
        }
    }
}
