//! The diff of a topic: desired, observed, and the smallest change between the two. Pure.

use std::collections::BTreeMap;
use std::fmt;

use userstream_crds::Pipeline;
use userstream_crds::identifier::TopicName;
use userstream_crds::model::{AdoptionPolicy, TopicManagementPolicy};

use super::resource::Ownership;

/// A topic that a pipeline declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredTopic {
    /// Its name.
    pub name: TopicName,
    /// The number of partitions.
    pub partitions: u32,
    /// The replication factor. `None`: the broker's default.
    pub replicas: Option<u16>,
    /// Settings by their Kafka names. Others are kept.
    pub config: BTreeMap<String, String>,
    /// Whether provisioning changes the topic.
    pub management: TopicManagementPolicy,
    /// Whether a topic that the pipeline did not create may be used.
    pub adoption: AdoptionPolicy,
}

impl DesiredTopic {
    /// The topics of a pipeline: first that of the records, then those of the dead letters and the positions, if any.
    ///
    /// The last two are always managed, because only this pipeline uses them.
    pub fn all(pipeline: &Pipeline) -> Vec<Self> {
        let records = &pipeline.topic;
        let auxiliary = |name: &TopicName, partitions: u32, config: BTreeMap<String, String>| Self {
            name: name.clone(),
            partitions,
            replicas: records.replicas.map(Into::into),
            config,
            management: TopicManagementPolicy::Managed,
            adoption: records.adoption,
        };
        let dead_letters = pipeline
            .dead_letter()
            .map(|topic| auxiliary(&topic.name, topic.partitions.get(), topic.config.clone()));
        let compacted = BTreeMap::from([("cleanup.policy".to_owned(), "compact".to_owned())]);
        let positions = pipeline.positions_topic.as_ref().map(|name| auxiliary(name, 1, compacted));
        let records = Self {
            name: records.name.clone(),
            partitions: records.partitions.get(),
            replicas: records.replicas.map(Into::into),
            config: records.config.clone(),
            management: records.management,
            adoption: records.adoption,
        };
        [Some(records), dead_letters, positions].into_iter().flatten().collect()
    }
}

/// An existing topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedTopic {
    /// The id that Kafka assigned. `None` where it is unknown.
    pub id: Option<String>,
    /// The pipeline that created it, as `namespace/name`. The embedded log records it; Kafka does not.
    pub created_by: Option<String>,
    /// The number of partitions.
    pub partitions: u32,
    /// The smallest number of replicas among its partitions. `None` where replication does not exist.
    pub replicas: Option<u16>,
    /// Every setting with its value, including the defaults that the log reports.
    pub config: BTreeMap<String, String>,
}

/// One change of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicChange {
    /// Create it as declared.
    Create,
    /// Add partitions.
    Grow {
        /// The observed number.
        from: u32,
        /// The new number.
        to: u32,
    },
    /// Set settings: by name, the observed and the new value.
    Configure(BTreeMap<String, (Option<String>, String)>),
}

/// The plan for a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicPlan {
    /// The changes, in order.
    pub changes: Vec<TopicChange>,
    /// Differences that are reported and not changed.
    pub drift: Vec<TopicDrift>,
}

/// A difference that is reported and not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicDrift {
    /// Kafka changes the number of replicas by a reassignment alone.
    Replicas {
        /// The observed number.
        observed: u16,
        /// The declared number.
        desired: u16,
    },
    /// The partitions are not managed by the pipeline.
    Partitions {
        /// The observed number.
        observed: u32,
        /// The declared number.
        desired: u32,
    },
    /// The settings are not managed by the pipeline.
    Setting {
        /// The Kafka name of the setting.
        name: String,
        /// The observed value.
        observed: Option<String>,
        /// The declared value.
        desired: String,
    },
}

/// Why a topic cannot be changed to the declared one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicRefusal {
    /// Kafka cannot remove partitions.
    #[error(
        "topic {topic} has {observed} partitions and the pipeline declares {desired}: partitions cannot be removed; set \
         partitions to {observed}, or use another topic"
    )]
    Shrink {
        /// The topic.
        topic: TopicName,
        /// The observed number.
        observed: u32,
        /// The declared number.
        desired: u32,
    },
    /// It exists, this pipeline did not create it, and it must not be adopted.
    #[error(
        "topic {topic} exists and was not created by this pipeline; set adoptionPolicy: Adopt to use it, or choose \
         another name"
    )]
    Exists {
        /// The topic.
        topic: TopicName,
    },
    /// Another pipeline created it, and it must not be adopted.
    #[error(
        "topic {topic} was created by the pipeline {owner}; set adoptionPolicy: Adopt to share it, or choose another \
         name"
    )]
    Conflict {
        /// The topic.
        topic: TopicName,
        /// The other pipeline, as `namespace/name`.
        owner: String,
    },
    /// It does not exist, and the policy does not create it.
    #[error("topic {topic} does not exist, and managementPolicy: {policy} does not create it")]
    Missing {
        /// The topic.
        topic: TopicName,
        /// The management policy.
        policy: &'static str,
    },
}

/// Plans the smallest change from the observed to the desired topic.
///
/// # Errors
/// When the change is impossible or not allowed, so that nothing must be changed.
pub fn plan(
    desired: &DesiredTopic,
    observed: Option<&ObservedTopic>,
    ownership: &Ownership,
) -> Result<TopicPlan, TopicRefusal> {
    let topic = || desired.name.clone();
    let unmanaged = match desired.management {
        TopicManagementPolicy::Managed => None,
        TopicManagementPolicy::Observe => Some("Observe"),
        TopicManagementPolicy::Strimzi => Some("Strimzi"),
    };
    let Some(observed) = observed else {
        return match unmanaged {
            None => Ok(TopicPlan { changes: vec![TopicChange::Create], drift: Vec::new() }),
            Some(policy) => Err(TopicRefusal::Missing { topic: topic(), policy }),
        };
    };
    if unmanaged.is_some() {
        return Ok(TopicPlan { changes: Vec::new(), drift: drift(desired, observed) });
    }
    match (ownership, desired.adoption) {
        (Ownership::Own, _) | (_, AdoptionPolicy::Adopt) => {}
        (Ownership::Unclaimed, AdoptionPolicy::Fail) => return Err(TopicRefusal::Exists { topic: topic() }),
        (Ownership::Other { owner }, AdoptionPolicy::Fail) => {
            return Err(TopicRefusal::Conflict { topic: topic(), owner: owner.clone() });
        }
    }
    let (from, to) = (observed.partitions, desired.partitions);
    if from > to {
        return Err(TopicRefusal::Shrink { topic: topic(), observed: from, desired: to });
    }
    let mut changes = Vec::new();
    if from < to {
        changes.push(TopicChange::Grow { from, to });
    }
    let settings: BTreeMap<_, _> = different_settings(desired, observed)
        .map(|(name, from, to)| (name.to_owned(), (from.map(str::to_owned), to.to_owned())))
        .collect();
    if !settings.is_empty() {
        changes.push(TopicChange::Configure(settings));
    }
    Ok(TopicPlan { changes, drift: different_replicas(desired, observed).into_iter().collect() })
}

fn drift(desired: &DesiredTopic, observed: &ObservedTopic) -> Vec<TopicDrift> {
    let partitions = (observed.partitions != desired.partitions)
        .then_some(TopicDrift::Partitions { observed: observed.partitions, desired: desired.partitions });
    let settings =
        different_settings(desired, observed).map(|(name, observed, desired)| TopicDrift::Setting {
            name: name.to_owned(),
            observed: observed.map(str::to_owned),
            desired: desired.to_owned(),
        });
    partitions.into_iter().chain(different_replicas(desired, observed)).chain(settings).collect()
}

fn different_replicas(desired: &DesiredTopic, observed: &ObservedTopic) -> Option<TopicDrift> {
    let (observed, desired) = (observed.replicas?, desired.replicas?);
    (observed != desired).then_some(TopicDrift::Replicas { observed, desired })
}

/// The settings whose observed value differs: name, observed, desired.
fn different_settings<'a>(
    desired: &'a DesiredTopic,
    observed: &'a ObservedTopic,
) -> impl Iterator<Item = (&'a str, Option<&'a str>, &'a str)> {
    desired.config.iter().filter_map(|(name, desired)| {
        let observed = observed.config.get(name).map(String::as_str);
        let same = observed.is_some_and(|observed| same_setting(observed, desired));
        (!same).then_some((name.as_str(), observed, desired.as_str()))
    })
}

/// Whether Kafka reads two texts as the same value.
pub(super) fn same_setting(left: &str, right: &str) -> bool {
    normalized(left) == normalized(right)
}

/// A value in the form in which Kafka reports it: lists without spaces, plain numbers, lower-case booleans.
fn normalized(value: &str) -> String {
    let part = |part: &str| {
        let part = part.trim();
        match (part.parse::<i64>(), part.parse::<f64>()) {
            (Ok(integer), _) => integer.to_string(),
            (_, Ok(number)) => number.to_string(),
            _ if part.eq_ignore_ascii_case("true") || part.eq_ignore_ascii_case("false") => {
                part.to_ascii_lowercase()
            }
            _ => part.to_owned(),
        }
    };
    value.split(',').map(part).collect::<Vec<_>>().join(",")
}

impl TopicChange {
    /// The change for people: `topic users_created: partitions 3 -> 6`.
    pub fn describe(&self, topic: &DesiredTopic) -> String {
        let name = &topic.name;
        match self {
            Self::Create => {
                let replicas = topic.replicas.map_or("broker default".to_owned(), |count| count.to_string());
                let config: String =
                    topic.config.iter().map(|(name, value)| format!(", {name}={value}")).collect();
                format!("topic {name}: create, partitions {}, replicas {replicas}{config}", topic.partitions)
            }
            Self::Grow { from, to } => format!("topic {name}: partitions {from} -> {to}"),
            Self::Configure(settings) => {
                let changes: Vec<String> = settings
                    .iter()
                    .map(|(setting, (from, to))| {
                        format!("{setting} {} -> {to}", from.as_deref().unwrap_or("(none)"))
                    })
                    .collect();
                format!("topic {name}: {}", changes.join(", "))
            }
        }
    }
}

impl fmt::Display for TopicDrift {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replicas { observed, desired } => write!(
                formatter,
                "replicas are {observed}, declared are {desired}; move them with kafka-reassign-partitions"
            ),
            Self::Partitions { observed, desired } => {
                write!(formatter, "partitions are {observed}, declared are {desired}")
            }
            Self::Setting { name, observed, desired } => {
                let observed = observed.as_deref().unwrap_or("(none)");
                write!(formatter, "{name} is {observed}, declared is {desired}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn desired(partitions: u32, config: &[(&str, &str)]) -> DesiredTopic {
        DesiredTopic {
            name: "users_created".parse().unwrap(),
            partitions,
            replicas: Some(3),
            config: map(config),
            management: TopicManagementPolicy::Managed,
            adoption: AdoptionPolicy::Fail,
        }
    }

    fn observed(partitions: u32, config: &[(&str, &str)]) -> ObservedTopic {
        ObservedTopic {
            id: Some("id".to_owned()),
            created_by: None,
            partitions,
            replicas: Some(3),
            config: map(config),
        }
    }

    fn map(config: &[(&str, &str)]) -> BTreeMap<String, String> {
        config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn lines(desired: &DesiredTopic, observed: Option<&ObservedTopic>) -> Vec<String> {
        let plan = plan(desired, observed, &Ownership::Own).unwrap();
        plan.changes.iter().map(|change| change.describe(desired)).collect()
    }

    #[test]
    fn missing_topic_is_created_as_declared() {
        let mut topic = desired(6, &[("retention.ms", "604800000")]);
        assert_eq!(
            lines(&topic, None),
            ["topic users_created: create, partitions 6, replicas 3, retention.ms=604800000"]
        );
        topic.replicas = None;
        topic.config.clear();
        assert_eq!(
            lines(&topic, None),
            ["topic users_created: create, partitions 6, replicas broker default"]
        );
    }

    #[test]
    fn only_partitions_and_declared_settings_are_changed() {
        let topic = desired(6, &[("retention.ms", "1000"), ("cleanup.policy", "compact, delete")]);
        let existing = observed(
            3,
            &[("retention.ms", "5"), ("cleanup.policy", "compact,delete"), ("segment.bytes", "7")],
        );
        assert_eq!(
            lines(&topic, Some(&existing)),
            ["topic users_created: partitions 3 -> 6", "topic users_created: retention.ms 5 -> 1000"]
        );
    }

    #[test]
    fn setting_spelled_differently_is_not_a_change() {
        for (left, right) in
            [("True", "true"), ("0.50", "0.5"), ("007", "7"), (" compact , delete", "compact,delete")]
        {
            let plan = lines(&desired(1, &[("setting", left)]), Some(&observed(1, &[("setting", right)])));
            assert!(plan.is_empty(), "{left}: {plan:?}");
        }
    }

    #[test]
    fn partitions_are_never_removed() {
        let refusal = plan(&desired(3, &[]), Some(&observed(6, &[])), &Ownership::Own).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "topic users_created has 6 partitions and the pipeline declares 3: partitions cannot be removed; set \
             partitions to 6, or use another topic"
        );
    }

    #[test]
    fn topic_of_others_is_used_only_with_adoption() {
        let existing = observed(3, &[]);
        let other = Ownership::Other { owner: "demo/others".to_owned() };
        let mut topic = desired(3, &[]);
        let refusal = |ownership| plan(&topic, Some(&existing), ownership).unwrap_err();
        assert!(matches!(refusal(&Ownership::Unclaimed), TopicRefusal::Exists { .. }));
        assert!(matches!(refusal(&other), TopicRefusal::Conflict { owner, .. } if owner == "demo/others"));
        assert_eq!(plan(&topic, Some(&existing), &Ownership::Own), Ok(TopicPlan::default()));
        topic.adoption = AdoptionPolicy::Adopt;
        for ownership in [Ownership::Unclaimed, other] {
            assert_eq!(plan(&topic, Some(&existing), &ownership), Ok(TopicPlan::default()), "{ownership:?}");
        }
    }

    #[test]
    fn unmanaged_topic_is_observed_and_never_changed() {
        for management in [TopicManagementPolicy::Observe, TopicManagementPolicy::Strimzi] {
            let topic = DesiredTopic { management, ..desired(6, &[("retention.ms", "1")]) };
            let missing = plan(&topic, None, &Ownership::Unclaimed).unwrap_err();
            assert!(matches!(missing, TopicRefusal::Missing { .. }), "{missing}");
            let plan = plan(&topic, Some(&observed(9, &[])), &Ownership::Unclaimed).unwrap();
            assert!(plan.changes.is_empty());
            let drift: Vec<String> = plan.drift.iter().map(ToString::to_string).collect();
            assert_eq!(drift, ["partitions are 9, declared are 6", "retention.ms is (none), declared is 1"]);
        }
    }

    /// Applies a plan as Kafka does.
    fn apply(desired: &DesiredTopic, observed: Option<ObservedTopic>, plan: &TopicPlan) -> ObservedTopic {
        let created = ObservedTopic {
            id: Some("new".to_owned()),
            created_by: None,
            partitions: desired.partitions,
            replicas: desired.replicas,
            config: desired.config.clone(),
        };
        let mut topic = observed.unwrap_or(created);
        for change in &plan.changes {
            match change {
                TopicChange::Create => {}
                TopicChange::Grow { to, .. } => topic.partitions = *to,
                TopicChange::Configure(settings) => {
                    topic
                        .config
                        .extend(settings.iter().map(|(name, (_, value))| (name.clone(), value.clone())));
                }
            }
        }
        topic
    }

    fn config() -> impl Strategy<Value = BTreeMap<String, String>> {
        prop::collection::btree_map(
            "[a-d]",
            "true|False|[0-9]{1,3}|compact, ?delete|0\\.50|[a-z ,]{0,8}",
            0..4,
        )
    }

    prop_compose! {
        fn any_desired()(
            partitions in 1_u32..5,
            replicas in prop::option::of(1_u16..4),
            config in config(),
            management in prop::sample::select(vec![
                TopicManagementPolicy::Managed, TopicManagementPolicy::Observe, TopicManagementPolicy::Strimzi,
            ]),
            adoption in prop::sample::select(vec![AdoptionPolicy::Fail, AdoptionPolicy::Adopt]),
        ) -> DesiredTopic {
            DesiredTopic { partitions, replicas, config, management, adoption, ..desired(1, &[]) }
        }
    }

    prop_compose! {
        fn any_observed()(partitions in 1_u32..5, replicas in prop::option::of(1_u16..4), config in config()) -> ObservedTopic {
            ObservedTopic { id: Some("id".to_owned()), created_by: None, partitions, replicas, config }
        }
    }

    fn any_ownership() -> impl Strategy<Value = Ownership> {
        prop::sample::select(vec![
            Ownership::Own,
            Ownership::Unclaimed,
            Ownership::Other { owner: "demo/others".to_owned() },
        ])
    }

    proptest! {
        #[test]
        fn second_plan_is_empty(
            desired in any_desired(),
            observed in prop::option::of(any_observed()),
            ownership in any_ownership(),
        ) {
            if let Ok(first) = plan(&desired, observed.as_ref(), &ownership) {
                let created = first.changes.contains(&TopicChange::Create);
                let after = apply(&desired, observed, &first);
                let ownership = if created { Ownership::Own } else { ownership };
                let second = plan(&desired, Some(&after), &ownership).unwrap();
                prop_assert!(second.changes.is_empty(), "{:?} after {:?}", second, first);
            }
        }

        #[test]
        fn plan_removes_nothing(
            desired in any_desired(),
            observed in any_observed(),
            ownership in any_ownership(),
        ) {
            if let Ok(plan) = plan(&desired, Some(&observed), &ownership) {
                let after = apply(&desired, Some(observed.clone()), &plan);
                prop_assert!(after.partitions >= observed.partitions);
                prop_assert_eq!(&after.id, &observed.id);
                for (name, value) in &observed.config {
                    prop_assert!(desired.config.contains_key(name) || after.config.get(name) == Some(value), "{name}");
                }
                if desired.management != TopicManagementPolicy::Managed {
                    prop_assert_eq!(after, observed);
                }
            }
        }
    }
}
