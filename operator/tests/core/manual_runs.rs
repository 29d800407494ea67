//! Runs that users start by raising `source.triggerNonce`.

use userstream_operator::model::kind::Kind;

use crate::cluster::{Cluster, add_a_column};

#[test]
fn nonce_runs_the_producer_once_even_if_its_job_is_deleted() {
    let mut cluster = Cluster::running("users-production");
    cluster.edit(|spec| spec.source.as_mut().unwrap().trigger_nonce = 5);
    cluster.converge();
    let runs = |cluster: &Cluster| {
        cluster.writes.iter().filter(|write| write.starts_with("apply Job users-run-5")).count()
    };
    assert_eq!(runs(&cluster), 1, "{:?}", cluster.writes);
    cluster.objects.remove(&(Kind::Job, "users-run-5".to_owned()));
    cluster.converge();
    assert_eq!(runs(&cluster), 1);
    cluster.edit(|spec| spec.source.as_mut().unwrap().trigger_nonce = 6);
    cluster.converge();
    assert!(cluster.has(Kind::Job, "users-run-6") && !cluster.has(Kind::Job, "users-run-5"));
}

#[test]
fn run_keeps_its_configuration_until_it_finishes() {
    let mut cluster = Cluster::running("users-production");
    cluster.edit(|spec| spec.source.as_mut().unwrap().trigger_nonce = 5);
    cluster.reconcile();
    let run = cluster.job("users-run-5");
    cluster.edit(add_a_column);
    for _ in 0..10 {
        cluster.reconcile();
        for job in cluster.names_of(Kind::Job).into_iter().filter(|job| *job != run) {
            cluster.succeed(&job);
        }
        for deployment in cluster.names_of(Kind::Deployment) {
            cluster.roll_out(&deployment);
        }
    }
    let needed =
        cluster.object(Kind::Job, &run)["spec"]["template"]["spec"]["volumes"][0]["configMap"].clone();
    let existing = cluster.names_of(Kind::ConfigMap);
    assert!(existing.iter().any(|name| needed["name"] == **name), "{needed} is not among {existing:?}");
    assert_eq!(existing.len(), 2, "the column makes another configuration: {existing:?}");
    cluster.converge();
    assert_eq!(cluster.names_of(Kind::ConfigMap).len(), 1);
}

#[test]
fn manual_run_waits_for_resume_and_rollout() {
    let mut cluster = Cluster::running("users-production");
    cluster.edit(|spec| {
        spec.suspend = true;
        spec.source.as_mut().unwrap().trigger_nonce = 5;
    });
    cluster.converge();
    assert!(!cluster.has(Kind::Job, "users-run-5"));
    cluster.edit(|spec| {
        spec.suspend = false;
        add_a_column(spec);
    });
    cluster.reconcile();
    assert!(!cluster.has(Kind::Job, "users-run-5"));
    cluster.converge();
    assert!(cluster.has(Kind::Job, "users-run-5"));
}

#[test]
fn nonce_that_is_set_back_starts_and_stops_no_run() {
    let mut cluster = Cluster::running("users-production");
    cluster.edit(|spec| spec.source.as_mut().unwrap().trigger_nonce = 9);
    cluster.reconcile();
    assert!(cluster.has(Kind::Job, "users-run-9"));
    for nonce in [5, 0, -1] {
        cluster.edit(|spec| spec.source.as_mut().unwrap().trigger_nonce = nonce);
        cluster.reconcile();
        cluster.reconcile();
        let runs: Vec<String> =
            cluster.names_of(Kind::Job).into_iter().filter(|job| job.contains("-run-")).collect();
        assert_eq!(runs, ["users-run-9"], "the nonce is {nonce}");
    }
    cluster.objects.remove(&(Kind::Job, "users-run-9".to_owned()));
    cluster.edit(|spec| spec.source.as_mut().unwrap().trigger_nonce = 9);
    cluster.converge();
    assert!(!cluster.has(Kind::Job, "users-run-9"), "it has run before");
    cluster.edit(|spec| spec.source.as_mut().unwrap().trigger_nonce = 10);
    cluster.converge();
    assert!(cluster.has(Kind::Job, "users-run-10"));
}

#[test]
fn nonce_below_its_default_starts_no_run() {
    let mut cluster = Cluster::running("users-production");
    for nonce in [-7, 0] {
        cluster.edit(|spec| spec.source.as_mut().unwrap().trigger_nonce = nonce);
        cluster.converge();
        let names = cluster.names_of(Kind::Job);
        assert!(!names.iter().any(|name| name.contains("-run-")), "{nonce}: {names:?}");
    }
}
