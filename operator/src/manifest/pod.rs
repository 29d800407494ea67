//! The pod of a worker. It satisfies the `restricted` Pod Security profile, has no service account token and no
//! writable root filesystem, and mounts Secrets by reference: the operator never reads one.

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

use crate::model::configuration::{Configuration, FILE, SECRETS_DIRECTORY, STATUS_PORT};
use crate::model::input::ValidInput;
use crate::model::names::Names;

const CONFIGURATION_DIRECTORY: &str = "/etc/userstream/config";
/// An unprivileged user ID without an account in the image.
const USER: i64 = 65_532;
/// A worker terminates within 10 s of SIGTERM; a slow node gets three times as long.
const GRACE_PERIOD_SECONDS: i64 = 30;

/// What a worker does, which Secrets that needs, and whether it is long-running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Role {
    /// The component that the pod is part of.
    pub(super) component: Component,
    /// The worker's subcommand and its flags.
    pub(super) arguments: &'static [&'static str],
    /// Whether it connects to the source.
    pub(super) uses_source: bool,
    /// Whether it connects to Cassandra.
    pub(super) uses_table: bool,
    /// Whether it runs until it is stopped, and so has probes.
    pub(super) is_long_running: bool,
}

/// The template of a worker's pods.
pub(super) fn template(input: &ValidInput<'_>, configuration: &Configuration, role: Role) -> PodTemplateSpec {
    let template = &input.pipeline.template;
    let names = Names(&input.pipeline.name);
    // The operator's labels win: a label of the template must not move pods out of their Deployment's selector.
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
            containers: vec![container(input, role, &secrets)],
            volumes: Some(volumes(configuration, &secrets)),
            automount_service_account_token: Some(false),
            // Each Service of the namespace would otherwise add environment variables, without a limit.
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

fn container(input: &ValidInput<'_>, role: Role, secrets: &BTreeSet<&SecretName>) -> Container {
    let file = format!("{CONFIGURATION_DIRECTORY}/{FILE}");
    let arguments = role.arguments.iter().map(|argument| (*argument).to_owned());
    let mut mounts = vec![mount("config".to_owned(), CONFIGURATION_DIRECTORY.to_owned())];
    mounts.extend(
        secrets
            .iter()
            .enumerate()
            .map(|(index, secret)| mount(secret_volume(index), format!("{SECRETS_DIRECTORY}/{secret}"))),
    );
    let own = &input.pipeline.template.resources;
    let resources =
        if *own == ResourceRequirements::default() { &input.settings.worker_resources } else { own };
    Container {
        name: CONTAINER.to_owned(),
        image: Some(input.settings.worker_image.clone()),
        image_pull_policy: Some(input.settings.worker_image_pull_policy.name().to_owned()),
        args: Some(arguments.chain(["--config".to_owned(), file]).collect()),
        ports: Some(vec![ContainerPort {
            name: Some(STATUS_PORT_NAME.to_owned()),
            container_port: STATUS_PORT.into(),
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        }]),
        liveness_probe: role.is_long_running.then(|| probe("/livez", 10, 6)),
        readiness_probe: role.is_long_running.then(|| probe("/readyz", 2, 3)),
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

/// Volumes are numbered, because a Secret's name may be longer than a volume's.
fn secret_volume(index: usize) -> String {
    format!("secret-{index}")
}

/// The Secrets that a role needs, and no others.
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
