//! The diff of a table's options.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use userstream_crds::model::TableOptions;

/// Options that differ from the declared ones, and are reported but not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionsDrift {
    observed: TableOptions,
    desired: TableOptions,
}

impl OptionsDrift {
    pub(super) const fn new(observed: TableOptions, desired: TableOptions) -> Self {
        Self { observed, desired }
    }
}

/// The desired options whose observed value differs. `None` when all are equal.
pub(super) fn different_options(desired: &TableOptions, observed: &TableOptions) -> Option<TableOptions> {
    fn changed<T: Clone + PartialEq>(desired: &Option<T>, observed: &Option<T>) -> Option<T> {
        desired.clone().filter(|desired| observed.as_ref() != Some(desired))
    }
    let compaction = desired.compaction.clone().filter(|desired| {
        observed.compaction.as_ref().is_none_or(|observed| {
            desired.iter().any(|(name, value)| {
                !observed.get(name).is_some_and(|observed| same_setting(name, value, observed))
            })
        })
    });
    let different = TableOptions {
        default_time_to_live: changed(&desired.default_time_to_live, &observed.default_time_to_live),
        comment: changed(&desired.comment, &observed.comment),
        gc_grace: changed(&desired.gc_grace, &observed.gc_grace),
        compaction,
    };
    (different != TableOptions::default()).then_some(different)
}

/// Compares without the Java package that Cassandra adds to the class of a strategy.
fn same_setting(name: &str, desired: &str, observed: &str) -> bool {
    let short = |class: &str| class.rsplit('.').next().map(str::to_owned);
    if name == "class" { short(desired) == short(observed) } else { desired == observed }
}

impl fmt::Display for OptionsDrift {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        OptionsChange { from: &self.observed, to: &self.desired, separator: " is not " }.fmt(formatter)
    }
}

/// Options with their old and new values, for people.
pub(super) struct OptionsChange<'a> {
    pub(super) from: &'a TableOptions,
    pub(super) to: &'a TableOptions,
    /// The text between the two values.
    pub(super) separator: &'static str,
}

impl fmt::Display for OptionsChange<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |duration: &Duration| duration.as_secs().to_string();
        let text = |text: &String| format!("{text:?}");
        let map = |map: &BTreeMap<String, String>| format!("{map:?}");
        let one = |name: &str, from: Option<String>, to: Option<String>| {
            to.map(|to| {
                format!("{name} {}{}{to}", from.unwrap_or_else(|| "(unknown)".to_owned()), self.separator)
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
