//! The pod that a worker runs in. It satisfies the `restricted` Pod Security profile, has no service account's token and
//! no writable root, and gets Secrets as files by reference: the operator never reads one.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    Affinity, Capabilities, ConfigMapVolumeSource, Container, ContainerPort, HTTPGetAction,
    PodSecurityContext, PodSpec, PodTemplateSpec, Probe, ResourceRequirements, SeccompProfile,
    SecretVolumeSource, SecurityContext, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use userstream_crds::identifier::SecretName;
use userstream_crds::model::{HttpAuth, Pipeline, SourceKind};
use userstream_crds::names::{CONFIGURATION, Component};
use userstream_crds::worker_pod::{CONTAINER, STATUS_PORT_NAME};

use crate::lifecycle::rollout::ValidInput;
use crate::model::configuration::{Configuration, FILE, STATUS_PORT};
use crate::model::names::Names;

/// The folder where each Secret is mounted, under its name.
pub const SECRETS_DIRECTORY: &str = "/etc/userstream/secrets";
const CONFIGURATION_DIRECTORY: &str = "/etc/userstream/config";
/// A user without a name and without rights; the image has no other use for it.
const USER: i64 = 65_532;
/// A worker ends within 10 s of SIGTERM; twice that, and some for a slow node.
const GRACE_PERIOD_SECONDS: i64 = 30;

/// Which Secrets a worker needs, and whether it stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Role {
    /// What it is for.
    pub(super) component: Component,
    /// The worker's subcommand and its flags.
    pub(super) arguments: &'static [&'static str],
    /// Whether it dials the source.
    pub(super) uses_source: bool,
    /// Whether it dials the table.
    pub(super) uses_table: bool,
    /// Whether it stays and is to be found healthy, or ends by itself.
    pub(super) stays: bool,
}

/// The template of a worker's pods.
pub(super) fn template(
    situation: &ValidInput<'_>,
    configuration: &Configuration,
    role: Role,
) -> PodTemplateSpec {
    let template = &situation.pipeline.template;
    let names = Names(&situation.pipeline.name);
    // Ours win: a label of the template must not move pods out of their Deployment's selector.
    let mut labels = template.labels.clone();
    labels.extend(names.labels(role.component));
    let mut annotations = template.annotations.clone();
    annotations.insert(CONFIGURATION.to_owned(), configuration.hash.clone());
    let secrets = secrets(&configuration.pipeline, role);
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            containers: vec![container(situation, role, &secrets)],
            volumes: Some(volumes(configuration, &secrets)),
            automount_service_account_token: Some(false),
            // Every Service of the namespace would become environment variables, and thereby its size.
            enable_service_links: Some(false),
            termination_grace_period_seconds: Some(GRACE_PERIOD_SECONDS),
            security_context: Some(PodSecurityContext {
                run_as_non_root: Some(true),
                run_as_user: Some(USER),
                run_as_group: Some(USER),
                fs_group: Some(USER),
                seccomp_profile: Some(SeccompProfile {
                    type_: "RuntimeDefault".to_owned(),
                    localhost_profile: None,
                }),
                ..PodSecurityContext::default()
            }),
            node_selector: Some(template.node_selector.clone()).filter(|selector| !selector.is_empty()),
            tolerations: Some(template.tolerations.clone()).filter(|tolerations| !tolerations.is_empty()),
            affinity: Some(template.affinity.clone()).filter(|affinity| *affinity != Affinity::default()),
            priority_class_name: template.priority_class_name.clone(),
            ..PodSpec::default()
        }),
    }
}

fn container(situation: &ValidInput<'_>, role: Role, secrets: &BTreeSet<&SecretName>) -> Container {
    let file = format!("{CONFIGURATION_DIRECTORY}/{FILE}");
    let arguments = role.arguments.iter().map(|argument| (*argument).to_owned());
    let mut mounts = vec![mount("config".to_owned(), CONFIGURATION_DIRECTORY.to_owned())];
    mounts.extend(
        secrets
            .iter()
            .enumerate()
            .map(|(index, secret)| mount(secret_volume(index), format!("{SECRETS_DIRECTORY}/{secret}"))),
    );
    let own = &situation.pipeline.template.resources;
    let resources =
        if *own == ResourceRequirements::default() { &situation.settings.worker_resources } else { own };
    Container {
        name: CONTAINER.to_owned(),
        image: Some(situation.settings.worker_image.clone()),
        image_pull_policy: Some(situation.settings.worker_image_pull_policy.name().to_owned()),
        args: Some(arguments.chain(["--config".to_owned(), file]).collect()),
        ports: Some(vec![ContainerPort {
            name: Some(STATUS_PORT_NAME.to_owned()),
            container_port: STATUS_PORT.into(),
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        }]),
        liveness_probe: role.stays.then(|| probe("/livez", 10, 6)),
        readiness_probe: role.stays.then(|| probe("/readyz", 2, 3)),
        resources: Some(resources.clone()).filter(|resources| *resources != ResourceRequirements::default()),
        volume_mounts: Some(mounts),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            ..SecurityContext::default()
        }),
        termination_message_policy: Some("File".to_owned()),
        ..Container::default()
    }
}

fn probe(path: &str, period_seconds: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String(STATUS_PORT_NAME.to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period_seconds),
        timeout_seconds: Some(2),
        failure_threshold: Some(failures),
        ..Probe::default()
    }
}

fn volumes(configuration: &Configuration, secrets: &BTreeSet<&SecretName>) -> Vec<Volume> {
    let config = Volume {
        name: "config".to_owned(),
        config_map: Some(ConfigMapVolumeSource {
            name: configuration.name(),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    };
    let secret = |(index, secret): (usize, &&SecretName)| Volume {
        name: secret_volume(index),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret.to_string()),
            default_mode: Some(0o440),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    };
    std::iter::once(config).chain(secrets.iter().enumerate().map(secret)).collect()
}

fn mount(name: String, path: String) -> VolumeMount {
    VolumeMount { name, mount_path: path, read_only: Some(true), ..VolumeMount::default() }
}

/// A Secret's name may be longer than a volume's, so volumes are numbered.
fn secret_volume(index: usize) -> String {
    format!("secret-{index}")
}

/// The Secrets that a worker needs for its role, and no others.
fn secrets(pipeline: &Pipeline, role: Role) -> BTreeSet<&SecretName> {
    let mut secrets = BTreeSet::new();
    let kafka = &pipeline.kafka;
    secrets.extend(kafka.tls.iter().flat_map(|tls| tls.ca.iter().chain(&tls.client)));
    secrets.extend(kafka.sasl.iter().map(|sasl| &sasl.secret));
    if role.uses_table {
        secrets.extend(pipeline.cassandra.tls.iter().filter_map(|tls| tls.ca.as_ref()));
        secrets.extend(&pipeline.cassandra.credentials);
    }
    if role.uses_source
        && let Some(SourceKind::Http(http)) = pipeline.source.as_ref().map(|source| &source.kind)
    {
        secrets.extend(&http.ca);
        match &http.auth {
            HttpAuth::None => {}
            HttpAuth::Basic(secret)
            | HttpAuth::Bearer(secret)
            | HttpAuth::ApiKey { secret, .. }
            | HttpAuth::OAuth2 { secret, .. } => {
                secrets.insert(secret);
            }
        }
    }
    secrets
}

/// The selector of a component's pods.
pub(super) fn selector(pipeline: &Pipeline, component: Component) -> BTreeMap<String, String> {
    Names(&pipeline.name).selector(component)
}
