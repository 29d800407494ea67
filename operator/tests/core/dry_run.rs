//! `mode: Plan`.

use serde_json::json;
use userstream_operator::model::kind::Kind;

use crate::cluster::{Cluster, add_a_column};

#[test]
fn plan_mode_changes_no_running_workload() {
    let mut cluster = Cluster::running("users");
    let before = cluster.objects.clone();
    cluster.edit(|spec| {
        add_a_column(spec);
        spec.processor.replicas = 3;
        spec.mode = userstream_crds::model::Mode::Plan;
    });
    cluster.converge();
    for (key, body) in before {
        assert_eq!(cluster.objects.get(&key), Some(&body), "{key:?}");
    }
    let status = cluster.status();
    let plan: Vec<&str> = status.plan.iter().map(|line| line.split("-provision-").next().unwrap()).collect();
    let named = [
        "topic users_created: create",
        "create Job users",
        "change Deployment users-processor",
        "change Deployment users-producer",
    ];
    assert_eq!(plan, named);
    cluster.edit(|spec| spec.mode = userstream_crds::model::Mode::Apply);
    cluster.converge();
    assert!(
        !cluster.objects.keys().any(|(_, name)| name.starts_with("users-plan-")),
        "the plan's Job is deleted"
    );
    assert_eq!(cluster.object(Kind::Deployment, "users-processor")["spec"]["replicas"], 3);
}

#[test]
fn plan_lists_drift_and_says_how_many_lines_are_left_out() {
    let mut cluster = Cluster::running("users");
    cluster.edit(|spec| spec.mode = userstream_crds::model::Mode::Plan);
    cluster.converge();
    let report = json!({
        "message": "", "mode": "Plan",
        "changes": [{"resource": "table/created_users", "text": "table created_users: add column nat"}],
        "drift": [{"resource": "topic/users_created", "text": "topic users_created: retention.ms is 5"}],
        "leftOut": 12,
    });
    let job = cluster.job("-plan-");
    cluster.end_pod(&job, 0, &report.to_string(), true);
    assert_eq!(
        cluster.status().plan,
        [
            "table created_users: add column nat",
            "left as it is: topic users_created: retention.ms is 5",
            "12 more lines do not fit here: `usp plan` prints all of them",
        ]
    );
}
