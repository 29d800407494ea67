//! Measures the operator with a thousand pipelines, on an API server without nodes. Fakes replace the workload controllers,
//! the kubelets and the workers; the operator is the program that ships.
#![forbid(unsafe_code)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "it prints its measurements, or exits with the reason"
)]

mod api_calls;
mod fake_kubelet;
mod fake_workers;
mod phase_costs;
mod pipelines;
mod pods;

use std::cell::Cell;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use userstream_e2e::cluster::Cluster;
use userstream_e2e::operator::Operator;
use userstream_e2e::poll_until::poll_until;

use api_calls::ApiCalls;
use fake_kubelet::FakeKubelet;
use fake_workers::Workers;
use phase_costs::{Counters, Phase, Processes};
use pipelines::Pipelines;
use userstream_bench::machine;

const PIPELINES: usize = 1_000;
/// How long any one phase may take before the benchmark gives up.
const TIMEOUT: Duration = Duration::from_secs(1_800);
/// The pipelines have converged once the operator has written nothing for so long.
const IDLE: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_secs(60);
/// The namespace of the operator's Lease.
const LEASE_NAMESPACE: &str = "default";

/// Its argument is the number of pipelines.
fn main() {
    let count =
        std::env::args().nth(1).map_or(PIPELINES, |text| text.parse().expect("the count is a number"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime can be built").block_on(measure(count));
}

async fn measure(count: usize) {
    let program = program();
    // Before the cluster starts, because it fails outside the network namespace of `bench/network`.
    let workers = Workers::listen().await;
    let cluster = Cluster::api_server().await;
    let client = client(cluster).await;
    let pipelines = Pipelines::new(client.clone(), count);
    pipelines.create_namespaces().await;
    let fake_kubelet = FakeKubelet::new(client.clone());
    let requests = workers.requests();
    let bench = Bench { cluster, client, program, pipelines, requests };
    tokio::select! {
        () = fake_kubelet.run() => panic!("the fake kubelet has stopped"),
        result = workers.serve() => panic!("the fake workers have stopped: {result:?}"),
        () = bench.run() => {}
    }
}

/// The operator's program: the one that `USERSTREAM_OPERATOR` names, or else that of this build.
fn program() -> PathBuf {
    let own = || std::env::current_exe().expect("the path of the running program is known");
    let of_this_build = || own().with_file_name("operator");
    let program = std::env::var_os("USERSTREAM_OPERATOR").map_or_else(of_this_build, PathBuf::from);
    assert!(program.exists(), "{} does not exist: make bench-operator", program.display());
    program
}

async fn client(cluster: &Cluster) -> Client {
    // It fails only if a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kubeconfig = Kubeconfig::read_from(cluster.kubeconfig()).expect("the cluster runs");
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
    Client::try_from(config.expect("the kubeconfig is complete")).expect("a client can be created")
}

struct Bench<'a> {
    cluster: &'a Cluster,
    client: Client,
    program: PathBuf,
    pipelines: Pipelines,
    requests: fake_workers::RequestCount,
}

impl Bench<'_> {
    async fn run(&self) {
        let servers = "API server 1.37.2, etcd, a fake kubelet and fake workers";
        println!("{}\n\n{}", machine::conditions(&self.program, servers), phase_costs::HEADER);
        let first = self.start();
        first.await_ready(TIMEOUT).await;
        let before_all = ApiCalls::now(&self.client).await;
        let phase = Phase::start(self.processes(&first), Counters::of(&first).await);
        let convergence = self.pipelines.converge().await;
        let line = phase.line("converge", convergence.took, Some(self.pipelines.count()), &first).await;
        println!("{line}");
        self.await_idle(&first).await;
        let calls = ApiCalls::now(&self.client).await;
        let (quiet, requests) =
            (Phase::start(self.processes(&first), Counters::of(&first).await), self.requests.now());
        let began = Instant::now();
        tokio::time::sleep(QUIET).await; // sleep-ok: the measured interval
        println!("{}", quiet.line("quiet minute", began.elapsed(), None, &first).await);
        let (in_quiet, requests) =
            (ApiCalls::now(&self.client).await.since(&calls), self.requests.now() - requests);
        first.kill();
        let again = self.restart().await;

        println!("\n{convergence}");
        println!("\nAPI calls of the operator until all pipelines had converged:\n");
        println!("{}", calls.since(&before_all).table(self.pipelines.count()));
        println!(
            "\nin the quiet minute the operator made {in_quiet}, and scraped the workers {requests} times"
        );
        println!("a restarted operator wrote {} objects", again.writes().await);
    }

    fn start(&self) -> Operator {
        Operator::spawn_for_all(self.cluster, &self.program, LEASE_NAMESPACE)
    }

    fn processes(&self, operator: &Operator) -> Processes {
        Processes {
            operator: operator.pid(),
            api_server: self.cluster.pid("kube-apiserver"),
            etcd: self.cluster.pid("etcd"),
            own: std::process::id(),
        }
    }

    /// Waits until the operator has written nothing for [`IDLE`].
    async fn await_idle(&self, operator: &Operator) {
        let last = Cell::new((0, Instant::now()));
        poll_until("the operator writes nothing", TIMEOUT, async || {
            let writes = operator.writes().await;
            if writes != last.get().0 {
                last.set((writes, Instant::now()));
            }
            if last.get().1.elapsed() >= IDLE { Ok(()) } else { Err(format!("{writes} writes")) }
        })
        .await;
    }

    /// Starts another operator on converged pipelines, and measures from exec until it has reconciled every pipeline.
    async fn restart(&self) -> Operator {
        // The killed operator holds the Lease until it expires.
        self.cluster.kubectl(&["delete", "lease", "userstream-operator", "-n", LEASE_NAMESPACE]).await;
        let began = Instant::now();
        let operator = self.start();
        let phase = Phase::start(self.processes(&operator), Counters::default());
        operator.await_ready(TIMEOUT).await;
        let wanted = u64::try_from(self.pipelines.count()).expect("the count fits");
        poll_until("every pipeline is reconciled", TIMEOUT, async || {
            let Counters { reconciles, .. } = Counters::of(&operator).await;
            if reconciles >= wanted { Ok(()) } else { Err(format!("{reconciles} reconciles")) }
        })
        .await;
        println!("{}", phase.line("restart", began.elapsed(), Some(self.pipelines.count()), &operator).await);
        operator
    }
}
