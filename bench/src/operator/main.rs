//! Measures the operator: a thousand pipelines on an API server without a node, of which a stand-in plays the controllers, the
//! kubelets and the workers. What is measured is the operator's own program.
#![forbid(unsafe_code)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "it prints what it measured or why not"
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
/// When nothing was written for so long, the pipelines are convergence.
const IDLE: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_secs(60);
/// Where the operator's Lease is.
const LEASE_NAMESPACE: &str = "default";

/// How many pipelines there are is its argument.
fn main() {
    let count = std::env::args().nth(1).map_or(PIPELINES, |text| text.parse().expect("how many is a number"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime can be made").block_on(measure(count));
}

async fn measure(count: usize) {
    let program = program();
    // First, because it needs an address that only a network of one's own has.
    let workers = Workers::listen().await;
    let cluster = Cluster::api_server().await;
    let client = client(cluster).await;
    let pipelines = Pipelines::new(client.clone(), count);
    pipelines.make_namespaces().await;
    let fake_kubelet = FakeKubelet::new(client.clone());
    let requests = workers.requests();
    let bench = Bench { cluster, client, program, pipelines, requests };
    tokio::select! {
        () = fake_kubelet.run() => panic!("the fake kubelet has ended"),
        ended = workers.serve() => panic!("the workers have ended: {ended:?}"),
        () = bench.run() => {}
    }
}

/// The operator's program: what `USERSTREAM_OPERATOR` names, else the one that was built with this program.
fn program() -> PathBuf {
    let beside = || std::env::current_exe().expect("a program knows where it is").with_file_name("operator");
    let program = std::env::var_os("USERSTREAM_OPERATOR").map_or_else(beside, PathBuf::from);
    assert!(program.exists(), "{} is not there: make bench-operator", program.display());
    program
}

async fn client(cluster: &Cluster) -> Client {
    // Fails only when one was installed before, and then there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kubeconfig = Kubeconfig::read_from(cluster.kubeconfig()).expect("the cluster runs");
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
    Client::try_from(config.expect("the kubeconfig is complete")).expect("a client can be made")
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
        let beside = "API server 1.37.2, etcd and a stand-in for everybody else";
        println!("{}\n\n{}", machine::conditions(&self.program, beside), phase_costs::HEADER);
        let first = self.start();
        first.await_ready(TIMEOUT).await;
        let before_all = ApiCalls::now(&self.client).await;
        let converge = Phase::start(self.processes(&first), Counters::of(&first).await);
        let convergence = self.pipelines.converge().await;
        let line = converge.line("settle", convergence.took, Some(self.pipelines.count()), &first).await;
        println!("{line}");
        self.await_idle(&first).await;
        let calls = ApiCalls::now(&self.client).await;
        let (quiet, requests) =
            (Phase::start(self.processes(&first), Counters::of(&first).await), self.requests.so_far());
        let began = Instant::now();
        tokio::time::sleep(QUIET).await; // sleep-ok: this is what is measured
        println!("{}", quiet.line("quiet minute", began.elapsed(), None, &first).await);
        let (in_quiet, requests) =
            (ApiCalls::now(&self.client).await.since(&calls), self.requests.so_far() - requests);
        first.kill();
        let again = self.restart().await;

        println!("\n{convergence}");
        println!("\ncalls of the API by the operator until all were settled:\n");
        println!("{}", calls.since(&before_all).table(self.pipelines.count()));
        println!(
            "\nin the quiet minute the operator made {in_quiet}, and asked the workers {requests} times"
        );
        println!("a new operator wrote {} objects", again.writes().await);
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

    /// Waits until nothing has been written for a while.
    async fn await_idle(&self, operator: &Operator) {
        let last = Cell::new((0, Instant::now()));
        poll_until("the operator has nothing to write", TIMEOUT, async || {
            let writes = operator.writes().await;
            if writes != last.get().0 {
                last.set((writes, Instant::now()));
            }
            if last.get().1.elapsed() >= IDLE { Ok(()) } else { Err(format!("{writes} writes")) }
        })
        .await;
    }

    /// Another operator takes over a cluster in which everything is settled: from exec until it has looked at every pipeline.
    async fn restart(&self) -> Operator {
        // Whoever holds it was killed, and would be waited for.
        self.cluster.kubectl(&["delete", "lease", "userstream-operator", "-n", LEASE_NAMESPACE]).await;
        let began = Instant::now();
        let operator = self.start();
        let meter = Phase::start(self.processes(&operator), Counters::default());
        operator.await_ready(TIMEOUT).await;
        let wanted = u64::try_from(self.pipelines.count()).expect("the count fits");
        poll_until("every pipeline was looked at", TIMEOUT, async || {
            let Counters { reconciles, .. } = Counters::of(&operator).await;
            if reconciles >= wanted { Ok(()) } else { Err(format!("{reconciles} reconciles")) }
        })
        .await;
        println!("{}", meter.line("restart", began.elapsed(), Some(self.pipelines.count()), &operator).await);
        operator
    }
}
