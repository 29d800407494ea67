//! The number of processors, from the lag and the write latency that they report.

use std::time::Duration;

use jiff::Timestamp;
use userstream_crds::condition::Reason;
use userstream_crds::model::Autoscaling;

/// What a decision is made from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// How many processors there are.
    pub current: u32,
    /// How many partitions the topic has: further processors would be idle.
    pub partitions: u32,
    /// How many records are not written yet; `None` while unknown.
    pub lag: Option<u64>,
    /// The 99th percentile of the write latency to the table; `None` when nothing was written in the last minute.
    pub write_latency: Option<Duration>,
    /// The write latency above which the table counts as overloaded.
    pub latency_ceiling: Duration,
    /// Since when the lag has called for fewer processors, as the last decision returned it.
    pub low_since: Option<Timestamp>,
}

/// How many processors there should be, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScalingDecision {
    /// How many.
    pub replicas: u32,
    /// Why.
    pub reason: ScalingReason,
    /// Since when the lag has called for fewer processors; input of the next decision.
    pub low_since: Option<Timestamp>,
}

/// Why there should be as many processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalingReason {
    /// The number matches the lag.
    Steady,
    /// The number was outside of the limits.
    Limits,
    /// The lag is unknown, so the number is kept.
    UnknownLag,
    /// The lag calls for more.
    LagHigh,
    /// The lag calls for more than the largest number allowed.
    AtMaximum,
    /// The lag calls for more, but more would only slow the table down further.
    TableBottleneck,
    /// The lag calls for fewer, but not for long enough yet.
    Cooldown,
    /// The lag has called for fewer for long enough.
    LagLow,
}

impl ScalingReason {
    /// The reason of the condition.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::Steady => Reason::Steady,
            Self::Limits => Reason::Limits,
            Self::UnknownLag => Reason::UnknownLag,
            Self::LagHigh => Reason::LagHigh,
            Self::AtMaximum => Reason::AtMaximum,
            Self::TableBottleneck => Reason::TableBottleneck,
            Self::Cooldown => Reason::Cooldown,
            Self::LagLow => Reason::LagLow,
        }
    }

    /// The message of the condition.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Steady => "the number of processors matches the lag",
            Self::Limits => "the number of processors was outside of minReplicas and maxReplicas",
            Self::UnknownLag => "the lag is unknown, so the number of processors is kept",
            Self::LagHigh => "processors are added: the lag exceeds lagThreshold per processor",
            Self::AtMaximum => {
                "the lag calls for more processors than maxReplicas or the topic's partitions allow"
            }
            Self::TableBottleneck => {
                "the table is the bottleneck, so no processor is added: writes take longer than sinkLatencyCeiling, or none succeeds"
            }
            Self::Cooldown => "the lag calls for fewer processors: they are removed after cooldown",
            Self::LagLow => "processors are removed: the lag has called for fewer for as long as cooldown",
        }
    }
}

/// Decides how many processors there should be.
#[must_use]
pub fn decide(policy: &Autoscaling, load: &Load, now: Timestamp) -> ScalingDecision {
    let partitions = load.partitions.max(1);
    let most = policy.max_replicas.map_or(partitions, |most| most.get().min(partitions));
    let fewest = policy.min_replicas.get().min(most);
    let keep = |reason| ScalingDecision { replicas: load.current, reason, low_since: None };
    if load.current < fewest || load.current > most {
        let replicas = load.current.clamp(fewest, most);
        return ScalingDecision { replicas, reason: ScalingReason::Limits, low_since: None };
    }
    let Some(lag) = load.lag else { return keep(ScalingReason::UnknownLag) };
    let wanted = u32::try_from(lag.div_ceil(policy.lag_threshold.get())).unwrap_or(u32::MAX);
    let allowed = wanted.clamp(fewest, most);
    if allowed > load.current {
        // A table that has acknowledged nothing in the last minute is no faster than a slow one.
        let is_bottleneck = load.write_latency.is_none_or(|latency| latency > load.latency_ceiling);
        return if is_bottleneck {
            keep(ScalingReason::TableBottleneck)
        } else {
            ScalingDecision { replicas: allowed, ..keep(ScalingReason::LagHigh) }
        };
    }
    if allowed == load.current {
        return keep(if wanted > allowed { ScalingReason::AtMaximum } else { ScalingReason::Steady });
    }
    let since = load.low_since.unwrap_or(now);
    let low_for = Duration::try_from(now.duration_since(since)).unwrap_or_default();
    if low_for >= policy.cooldown {
        ScalingDecision { replicas: allowed, ..keep(ScalingReason::LagLow) }
    } else {
        ScalingDecision { low_since: Some(since), ..keep(ScalingReason::Cooldown) }
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU32, NonZeroU64};

    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn policy(min: u32, max: u32) -> Autoscaling {
        Autoscaling {
            min_replicas: NonZeroU32::new(min).unwrap(),
            max_replicas: NonZeroU32::new(max),
            lag_threshold: NonZeroU64::new(1000).unwrap(),
            cooldown: Duration::from_secs(300),
        }
    }

    fn load(current: u32, lag: u64) -> Load {
        Load {
            current,
            partitions: 6,
            lag: Some(lag),
            write_latency: Some(Duration::from_millis(5)),
            latency_ceiling: Duration::from_millis(50),
            low_since: None,
        }
    }

    fn decision(load: &Load) -> (u32, ScalingReason) {
        let decided = decide(&policy(1, 6), load, NOW);
        (decided.replicas, decided.reason)
    }

    #[test]
    fn each_lag_threshold_adds_a_processor() {
        assert_eq!(decision(&load(1, 1000)), (1, ScalingReason::Steady));
        assert_eq!(decision(&load(1, 1001)), (2, ScalingReason::LagHigh));
        assert_eq!(decision(&load(2, 5_500)), (6, ScalingReason::LagHigh));
        assert_eq!(decision(&load(6, 1_000_000)), (6, ScalingReason::AtMaximum));
        assert_eq!(decision(&load(6, u64::MAX)), (6, ScalingReason::AtMaximum));
    }

    #[test]
    fn unknown_lag_and_table_bottleneck_keep_the_number() {
        assert_eq!(decision(&Load { lag: None, ..load(3, 0) }), (3, ScalingReason::UnknownLag));
        let bottleneck = Load { write_latency: Some(Duration::from_millis(51)), ..load(3, 9000) };
        assert_eq!(decision(&bottleneck), (3, ScalingReason::TableBottleneck));
        let stuck = Load { write_latency: None, ..bottleneck };
        assert_eq!(decision(&stuck), (3, ScalingReason::TableBottleneck));
        let quick = Load { write_latency: Some(Duration::from_millis(50)), ..bottleneck };
        assert_eq!(decision(&quick), (6, ScalingReason::LagHigh));
    }

    #[test]
    fn processors_are_removed_only_after_the_cooldown() {
        let first = decide(&policy(1, 6), &load(4, 0), NOW);
        assert_eq!((first.replicas, first.reason, first.low_since), (4, ScalingReason::Cooldown, Some(NOW)));
        let later = |seconds: i64| {
            let load = Load { low_since: first.low_since, ..load(4, 1500) };
            decide(&policy(1, 6), &load, NOW + jiff::SignedDuration::from_secs(seconds))
        };
        assert_eq!((later(299).replicas, later(299).low_since), (4, Some(NOW)));
        assert_eq!((later(300).replicas, later(300).reason), (2, ScalingReason::LagLow));
    }

    #[test]
    fn lag_peak_restarts_the_cooldown() {
        let load = Load { low_since: Some(NOW), ..load(4, 3500) };
        assert_eq!(decide(&policy(1, 6), &load, NOW).low_since, None);
    }

    proptest! {
        #[test]
        fn number_stays_within_limits_and_partitions(
            (min, max) in (1u32..20).prop_flat_map(|min| (Just(min), min..40)),
            current in 0u32..100,
            partitions in 1u32..50,
            lag in proptest::option::of(any::<u64>()),
            latency in proptest::option::of(0u64..200),
            low in proptest::option::of(-1_000_000i64..1_000_000),
        ) {
            let load = Load {
                current,
                partitions,
                lag,
                write_latency: latency.map(Duration::from_millis),
                latency_ceiling: Duration::from_millis(50),
                low_since: low.map(|seconds| NOW + jiff::SignedDuration::from_secs(seconds)),
            };
            let decided = decide(&policy(min, max), &load, NOW);
            let most = max.min(partitions);
            prop_assert!((min.min(most)..=most).contains(&decided.replicas), "{decided:?}");
            if lag.is_none() && (min.min(most)..=most).contains(&current) {
                prop_assert_eq!(decided.replicas, current);
            }
        }
    }
}
