//! The parameters of one schedule, all drawn from the seed.

use std::collections::BTreeSet;

use super::mutants::Mutant;
use super::script::Script;
use crate::delivery::write_time::WriteTimeSource;
use crate::runtime::backoff::Jitter;

/// One schedule.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) partitions: i32,
    pub(super) processors: usize,
    /// How many producers read the same source at once: one or two.
    pub(super) producers: usize,
    pub(super) script: Script,
    pub(super) write_time_source: WriteTimeSource,
    /// Rows of one partition key are written together.
    pub(super) grouped: bool,
    pub(super) max_in_flight: usize,
    /// Of a thousand requests, how many fail, before or after their effect.
    pub(super) faults: u64,
    /// Milliseconds that a request or reply usually takes, at most.
    pub(super) latency: u64,
    /// Milliseconds that a request or reply rarely takes, at most.
    pub(super) stall: u64,
    /// One in so many requests or replies is that slow.
    pub(super) stall_in: u64,
    /// Steps at which the process that takes them is killed.
    pub(super) crashes: BTreeSet<u64>,
    /// How many rebalances happen at random times.
    pub(super) rebalances: u64,
    /// Milliseconds between them, at most.
    pub(super) between_rebalances: u64,
    /// The mistake that the processes make.
    pub(super) mutant: Option<Mutant>,
}

impl Plan {
    /// The schedule of a seed.
    pub(super) fn draw(seed: u64) -> Self {
        let mut draw = Draw(Jitter::seeded(seed));
        let producers = if draw.one_in(3) { 2 } else { 1 };
        // With two producers an older version can follow a newer one in the log: only the times of a field order them.
        let write_time_source = if producers == 2 || draw.one_in(2) {
            WriteTimeSource::Field(1)
        } else {
            WriteTimeSource::LogTimestamp
        };
        let crashes = draw.up_to(6);
        Self {
            seed,
            partitions: 1 + draw.up_to(3) as i32,
            processors: 1 + draw.up_to(3) as usize,
            producers,
            script: Script::draw(&mut draw, producers == 1),
            write_time_source,
            grouped: draw.one_in(2),
            max_in_flight: 4 + draw.up_to(28) as usize,
            faults: [0, 20, 100, 300][draw.up_to(4) as usize],
            latency: [1, 5, 40][draw.up_to(3) as usize],
            stall: [0, 200, 4_000][draw.up_to(3) as usize],
            stall_in: [5, 40][draw.up_to(2) as usize],
            crashes: (0..crashes).map(|_| draw.up_to(400)).collect(),
            rebalances: [0, 2, 5, 20][draw.up_to(4) as usize],
            between_rebalances: [100, 500, 2_000][draw.up_to(3) as usize],
            mutant: None,
        }
    }
}

/// Draws numbers.
pub(super) struct Draw(pub(super) Jitter);

impl Draw {
    /// From 0 up to, not including, `end`; 0 when `end` is 0.
    pub(super) fn up_to(&mut self, end: u64) -> u64 {
        self.0.next_bits().checked_rem(end).unwrap_or_default()
    }

    pub(super) fn one_in(&mut self, times: u64) -> bool {
        self.up_to(times) == 0
    }
}
