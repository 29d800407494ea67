//! The runs of a schedule: the Jobs of its CronJob.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use userstream_crds::worker_pod::finished;

use crate::model::observed::{Observed, is_owned_by};

/// The last run that has ended, and whether it ended well.
#[must_use]
pub fn last_ended<'a>(observed: &'a Observed, cron_job: &str) -> Option<(&'a Job, bool)> {
    ended(observed, cron_job).max_by_key(|(job, _)| {
        job.status.as_ref().and_then(|status| status.start_time.as_ref()).map(|time| time.0)
    })
}

/// When a run last ended well. The CronJob tells it too, later than the Job does, and remembers it longer.
#[must_use]
pub fn last_success(observed: &Observed, cron_job: &str) -> Option<Timestamp> {
    let at = |time: &Option<Time>| time.as_ref().map(|time| time.0);
    let remembered = observed
        .cron_job(cron_job)
        .and_then(|it| it.status.as_ref())
        .and_then(|status| at(&status.last_successful_time));
    let ended_well = ended(observed, cron_job).filter(|(_, well)| *well);
    let times = ended_well.filter_map(|(job, _)| at(&job.status.as_ref()?.completion_time));
    times.chain(remembered).max()
}

fn ended<'a>(observed: &'a Observed, cron_job: &str) -> impl Iterator<Item = (&'a Job, bool)> {
    let uid = observed.cron_job(cron_job).and_then(|it| it.metadata.uid.as_deref());
    let own = observed.jobs.iter().map(AsRef::as_ref).filter(move |job| is_owned_by(*job, uid));
    own.filter_map(|job| Some((job, finished(job)?)))
}
