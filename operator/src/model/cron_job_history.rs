//! The runs of a CronJob, as its Jobs and its status report them.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use userstream_crds::worker_pod::finished;

use super::observed::{Observed, is_owned_by};

/// The last run that has finished, and whether it succeeded.
#[must_use]
pub fn last_finished<'a>(observed: &'a Observed, cron_job: &str) -> Option<(&'a Job, bool)> {
    finished_runs(observed, cron_job).max_by_key(|(job, _)| {
        job.status.as_ref().and_then(|status| status.start_time.as_ref()).map(|time| time.0)
    })
}

/// When a run last succeeded. The Job reports it first; the CronJob's status keeps it after the Job is deleted.
#[must_use]
pub fn last_success(observed: &Observed, cron_job: &str) -> Option<Timestamp> {
    let at = |time: &Option<Time>| time.as_ref().map(|time| time.0);
    let from_status = observed
        .cron_job(cron_job)
        .and_then(|it| it.status.as_ref())
        .and_then(|status| at(&status.last_successful_time));
    let succeeded = finished_runs(observed, cron_job).filter(|(_, succeeded)| *succeeded);
    let from_jobs = succeeded.filter_map(|(job, _)| at(&job.status.as_ref()?.completion_time));
    from_jobs.chain(from_status).max()
}

fn finished_runs<'a>(observed: &'a Observed, cron_job: &str) -> impl Iterator<Item = (&'a Job, bool)> {
    let uid = observed.cron_job(cron_job).and_then(|it| it.metadata.uid.as_deref());
    let own = observed.jobs.iter().map(AsRef::as_ref).filter(move |job| is_owned_by(*job, uid));
    own.filter_map(|job| Some((job, finished(job)?)))
}
