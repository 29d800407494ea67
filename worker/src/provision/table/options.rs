//! The options of a table that are not as the pipeline wants them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use userstream_crds::model::TableOptions;

/// Options that are left as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionsDrift {
    present: TableOptions,
    wanted: TableOptions,
}

impl OptionsDrift {
    pub(super) const fn new(present: TableOptions, wanted: TableOptions) -> Self {
        Self { present, wanted }
    }
}

/// The wanted options that are not what they are to be; none when all are.
pub(super) fn different_options(wanted: &TableOptions, present: &TableOptions) -> Option<TableOptions> {
    fn other<T: Clone + PartialEq>(wanted: &Option<T>, present: &Option<T>) -> Option<T> {
        wanted.clone().filter(|wanted| present.as_ref() != Some(wanted))
    }
    let compaction = wanted.compaction.clone().filter(|wanted| {
        present.compaction.as_ref().is_none_or(|present| {
            wanted.iter().any(|(name, value)| {
                !present.get(name).is_some_and(|present| same_setting(name, value, present))
            })
        })
    });
    let different = TableOptions {
        default_time_to_live: other(&wanted.default_time_to_live, &present.default_time_to_live),
        comment: other(&wanted.comment, &present.comment),
        gc_grace: other(&wanted.gc_grace, &present.gc_grace),
        compaction,
    };
    (different != TableOptions::default()).then_some(different)
}

/// Cassandra reports the class of a strategy with its Java package.
fn same_setting(name: &str, wanted: &str, present: &str) -> bool {
    let short = |class: &str| class.rsplit('.').next().map(str::to_owned);
    if name == "class" { short(wanted) == short(present) } else { wanted == present }
}

impl fmt::Display for OptionsDrift {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        OptionsChange { from: &self.present, to: &self.wanted, between: " is not " }.fmt(formatter)
    }
}

/// Some options and what they are to be, for people.
pub(super) struct OptionsChange<'a> {
    pub(super) from: &'a TableOptions,
    pub(super) to: &'a TableOptions,
    /// What stands between the two.
    pub(super) between: &'static str,
}

impl fmt::Display for OptionsChange<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |duration: &Duration| duration.as_secs().to_string();
        let text = |text: &String| format!("{text:?}");
        let map = |map: &BTreeMap<String, String>| format!("{map:?}");
        let one = |name: &str, from: Option<String>, to: Option<String>| {
            to.map(|to| {
                format!("{name} {}{}{to}", from.unwrap_or_else(|| "(unknown)".to_owned()), self.between)
            })
        };
        let (from, to) = (self.from, self.to);
        let changes = [
            one(
                "default_time_to_live",
                from.default_time_to_live.as_ref().map(seconds),
                to.default_time_to_live.as_ref().map(seconds),
            ),
            one("comment", from.comment.as_ref().map(text), to.comment.as_ref().map(text)),
            one("gc_grace_seconds", from.gc_grace.as_ref().map(seconds), to.gc_grace.as_ref().map(seconds)),
            one("compaction", from.compaction.as_ref().map(map), to.compaction.as_ref().map(map)),
        ];
        formatter.write_str(&changes.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}
