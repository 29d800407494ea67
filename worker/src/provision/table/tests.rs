use std::time::Duration;

use proptest::prelude::*;

use super::super::fixtures::{columns, observe, table};
use super::*;

fn users() -> Table {
    table(&[("id", CqlType::Uuid), ("at", CqlType::Timestamp), ("nat", CqlType::Text)])
}

fn lines(desired: &Table, observed: Option<&ObservedTable>) -> Vec<String> {
    let plan = plan(desired, observed, &Origin::Ours).unwrap();
    plan.changes.iter().map(|change| change.describe(desired)).collect()
}

fn refusal(desired: &Table, observed: &ObservedTable) -> TableRefusal {
    plan(desired, Some(observed), &Origin::Ours).unwrap_err()
}

#[test]
fn a_missing_table_is_created() {
    assert_eq!(
        lines(&users(), None),
        ["table spark_streams.created_users: create, 3 columns, primary key ((id))"]
    );
}

#[test]
fn missing_columns_are_added_and_others_left() {
    let mut present = observe(&users());
    present.columns.remove("nat");
    present.columns.insert(
        "notes_of_somebody".to_owned(),
        ObservedColumn { cql_type: "list<text>".to_owned(), kind: ColumnKind::Regular },
    );
    assert_eq!(lines(&users(), Some(&present)), ["table spark_streams.created_users: add column nat text"]);
    present.columns.remove("at");
    assert_eq!(
        lines(&users(), Some(&present)),
        ["table spark_streams.created_users: add columns at timestamp, nat text"]
    );
}

#[test]
fn another_primary_key_is_refused() {
    let present = observe(&users());
    let wanted = Table { partition_key: vec![0, 2], clustering_key: vec![1], ..users() };
    assert_eq!(
        refusal(&wanted, &present).to_string(),
        "table spark_streams.created_users has the primary key ((id)) and the pipeline wants ((id, nat), at): a primary \
         key cannot be changed; use another table"
    );
    let reordered = Table { partition_key: vec![2, 0], clustering_key: vec![1], ..users() };
    let refusal = plan(&reordered, Some(&observe(&wanted)), &Origin::Ours).unwrap_err();
    assert!(matches!(refusal, TableRefusal::PrimaryKey { .. }), "{refusal}");
}

#[test]
fn another_type_is_refused_with_the_type_that_would_do() {
    let mut present = observe(&users());
    present.columns.get_mut("nat").unwrap().cql_type = "ascii".to_owned();
    assert_eq!(
        refusal(&users(), &present).to_string(),
        "column nat of table spark_streams.created_users is ascii and the pipeline wants text: a type cannot be changed; \
         set type: ascii, or use another column"
    );
}

#[test]
fn a_static_column_is_refused() {
    let mut present = observe(&users());
    present.columns.get_mut("nat").unwrap().kind = ColumnKind::Static;
    assert!(matches!(refusal(&users(), &present), TableRefusal::StaticColumn { .. }));
}

#[test]
fn the_table_of_another_pipeline_is_refused_and_one_of_nobody_is_used() {
    let present = observe(&users());
    let theirs = Origin::Theirs { owner: "demo/others".to_owned() };
    let refusal = plan(&users(), Some(&present), &theirs).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "table spark_streams.created_users was created by the pipeline demo/others; choose another table, or delete its \
         row from spark_streams.userstream_claims if that pipeline is gone"
    );
    assert_eq!(plan(&users(), Some(&present), &Origin::Unknown), Ok(TablePlan::default()));
}

#[test]
fn under_manual_evolution_what_is_missing_is_said_and_nothing_altered() {
    let manual = Table { evolution: Evolution::Manual, ..users() };
    let mut present = observe(&users());
    present.columns.remove("nat");
    assert_eq!(
        refusal(&manual, &present).to_string(),
        "table spark_streams.created_users lacks columns, and evolution: Manual does not add them; add them with ALTER \
         TABLE \"spark_streams\".\"created_users\" ADD (\"nat\" text)"
    );
    let commented = Table {
        options: TableOptions { comment: Some("users".to_owned()), ..TableOptions::default() },
        ..manual.clone()
    };
    let plan = plan(&commented, Some(&observe(&manual)), &Origin::Ours).unwrap();
    assert!(plan.changes.is_empty());
    assert_eq!(plan.drift.unwrap().to_string(), "comment \"\" is not \"users\"");
    assert_eq!(lines(&manual, None).len(), 1, "creating is not altering");
}

#[test]
fn options_are_altered_where_they_differ_and_left_where_they_are_not_named() {
    let mut wanted = users();
    let mut present = observe(&users());
    present.options.compaction = Some(
        [
            (
                "class".to_owned(),
                "org.apache.cassandra.db.compaction.TimeWindowCompactionStrategy".to_owned(),
            ),
            ("max_threshold".to_owned(), "32".to_owned()),
        ]
        .into(),
    );
    wanted.options.compaction =
        Some([("class".to_owned(), "TimeWindowCompactionStrategy".to_owned())].into());
    wanted.options.gc_grace = Some(Duration::from_secs(864_000));
    assert!(lines(&wanted, Some(&present)).is_empty());
    wanted.options.default_time_to_live = Some(Duration::from_secs(3_600));
    wanted.options.compaction.as_mut().unwrap().insert("max_threshold".to_owned(), "16".to_owned());
    assert_eq!(
        lines(&wanted, Some(&present)),
        ["table spark_streams.created_users: default_time_to_live 0 -> 3600, compaction {\"class\": \
             \"org.apache.cassandra.db.compaction.TimeWindowCompactionStrategy\", \"max_threshold\": \"32\"} -> \
             {\"class\": \"TimeWindowCompactionStrategy\", \"max_threshold\": \"16\"}"]
    );
}

/// What Cassandra does with a plan.
fn apply(desired: &Table, observed: Option<ObservedTable>, plan: &TablePlan) -> ObservedTable {
    let mut table = observed.unwrap_or_else(|| observe(desired));
    for change in &plan.changes {
        match change {
            TableChange::Create => {}
            TableChange::AddColumns(columns) => {
                for (name, cql_type) in columns {
                    let column =
                        ObservedColumn { cql_type: cql_type.name().to_owned(), kind: ColumnKind::Regular };
                    assert!(table.columns.insert(name.to_string(), column).is_none(), "{name} was there");
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
            options,
            ..table(&columns)
        }
    }
}

proptest! {
    #[test]
    fn after_the_plan_there_is_nothing_left_to_do(
        desired in any_table(),
        present in prop::option::of(any_table()),
    ) {
        let observed = present.as_ref().map(observe);
        if let Ok(first) = plan(&desired, observed.as_ref(), &Origin::Ours) {
            let after = apply(&desired, observed, &first);
            let second = plan(&desired, Some(&after), &Origin::Ours).unwrap();
            prop_assert!(second.changes.is_empty(), "{:?} after {:?}", second, first);
            prop_assert_eq!(columns(&desired).filter(|column| !after.columns.contains_key(*column)).count(), 0);
        }
    }

    #[test]
    fn a_plan_takes_nothing_away(desired in any_table(), present in any_table()) {
        let observed = observe(&present);
        if let Ok(plan) = plan(&desired, Some(&observed), &Origin::Unknown) {
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
