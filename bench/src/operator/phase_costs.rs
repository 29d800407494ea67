//! The resource usage of a phase: of the operator, and of the processes on the same cores.

use std::time::Duration;

use userstream_e2e::operator::Operator;

use userstream_bench::usage;

/// The header of the table of phases.
pub(super) const HEADER: &str = "\
| phase | seconds | pipelines/s | operator CPU-s | ms of it/pipeline | MiB | peak MiB | reconciles | writes | API server CPU-s | etcd CPU-s | benchmark CPU-s | other CPU-s |
|---|---|---|---|---|---|---|---|---|---|---|---|---|";

/// The processes that share the cores.
#[derive(Clone, Copy, Debug)]
pub(super) struct Processes {
    pub(super) operator: u32,
    pub(super) api_server: u32,
    pub(super) etcd: u32,
    /// The benchmark: the fake kubelet and the fake workers.
    pub(super) own: u32,
}

impl Processes {
    fn spent(self) -> [f64; 4] {
        [self.operator, self.api_server, self.etcd, self.own].map(usage::process)
    }
}

/// The counters of an operator since its start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    /// Reconciles of pipelines.
    pub(super) reconciles: u64,
    /// Writes of objects.
    pub(super) writes: u64,
}

impl Counters {
    pub(super) async fn of(operator: &Operator) -> Self {
        Self {
            reconciles: operator.metric("controller_runtime_reconcile_total").await,
            writes: operator.writes().await,
        }
    }
}

/// The CPU time and the counters at the start of a phase.
#[derive(Debug)]
pub(super) struct Phase {
    processes: Processes,
    spent: [f64; 4],
    machine: f64,
    before: Counters,
}

impl Phase {
    /// Starts a phase. `before` are the counters of the operator now.
    pub(super) fn start(processes: Processes, before: Counters) -> Self {
        Self { processes, spent: processes.spent(), machine: usage::machine(), before }
    }

    /// The line of the table for a phase with its duration and, if it concerns them, its number of pipelines.
    #[allow(clippy::cast_precision_loss, reason = "counts of pipelines and bytes are far below 2^52")]
    pub(super) async fn line(
        &self,
        phase: &str,
        took: Duration,
        pipelines: Option<usize>,
        operator: &Operator,
    ) -> String {
        let now = self.processes.spent();
        let [operator_cpu, api_server, etcd, benchmark] =
            [0, 1, 2, 3].map(|process| now[process] - self.spent[process]);
        let other = usage::machine() - self.machine - operator_cpu - api_server - etcd - benchmark;
        let (resident, peak) = usage::resident_memory(self.processes.operator);
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let of_pipelines = |figure: &dyn Fn(f64) -> f64| {
            pipelines.map_or_else(|| "-".to_owned(), |count| format!("{:.1}", figure(count as f64)))
        };
        let done = Counters::of(operator).await;
        let (reconciles, writes) =
            (done.reconciles - self.before.reconciles, done.writes - self.before.writes);
        let seconds = took.as_secs_f64();
        format!(
            "| {phase} | {seconds:.1} | {} | {operator_cpu:.2} | {} | {:.1} | {:.1} | {reconciles} | {writes} | {api_server:.1} | {etcd:.1} | {benchmark:.1} | {other:.1} |",
            of_pipelines(&|count| count / seconds),
            of_pipelines(&|count| operator_cpu * 1000.0 / count),
            mebibytes(resident),
            mebibytes(peak),
        )
    }
}
