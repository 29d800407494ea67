//! Processors join and leave their consumer group: no rebalance loses or tears a row.

use std::time::Duration;

use userstream_e2e::pipeline::Pipeline;
use userstream_e2e::poll_until::poll_until;
use userstream_e2e::rig::Rig;
use userstream_e2e::users;
use userstream_e2e::worker::Worker;

const USERS: usize = 10_000;
const WAVES: usize = 10;

/// Two to four members. In each wave one joins and the oldest leaves; every third one is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joining_and_leaving_members_leave_the_exact_fold() {
    let rig = Rig::shared().await;
    let pipeline = Pipeline::without_source(&rig, "rebalance").await;
    pipeline.provision().await;

    let mut members: Vec<Worker> =
        (0..3).map(|number| pipeline.start(&format!("member-{number}"), "process")).collect();
    for wave in 0..WAVES {
        pipeline.kafka.append(&pipeline.name, &users::records(wave * USERS / WAVES, USERS / WAVES, 2)).await;
        members.push(pipeline.start(&format!("member-{}", wave + 3), "process"));
        let mut oldest = members.remove(0);
        if wave % 3 == 2 {
            oldest.kill().await;
        } else {
            oldest.terminate();
            assert_eq!(oldest.exit(Duration::from_secs(10)).await, 0, "{} drains", oldest.name);
        }
        if wave % 4 == 3 {
            all_partitions_owned_once(&members).await;
        }
    }

    pipeline.await_processed(Duration::from_secs(300)).await;
    let comparison = pipeline.compare_table(users::parsed_row).await;
    comparison.assert_exact();
    assert_eq!(comparison.rows, USERS);
    for member in &mut members {
        assert!(member.is_running(), "{} exited", member.name);
    }
}

/// Waits until each of the four partitions is assigned to exactly one member.
async fn all_partitions_owned_once(members: &[Worker]) {
    poll_until("every partition has one owner", Duration::from_secs(45), async || {
        let mut owned = Vec::new();
        for member in members {
            let status = member.status().await?;
            let partitions = status["processor"]["partitions"].as_array().cloned().unwrap_or_default();
            owned.extend(partitions.iter().filter_map(|partition| partition["partition"].as_i64()));
        }
        owned.sort_unstable();
        if owned == [0, 1, 2, 3] { Ok(()) } else { Err(format!("{owned:?}")) }
    })
    .await;
}
