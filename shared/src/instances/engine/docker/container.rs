//! The container of an instance.

use std::collections::HashMap;

use bollard::Docker as Client;
use bollard::errors::Error as DockerError;
use bollard::models::{
    ContainerCreateBody, ContainerCreateResponse, HostConfig, HostConfigLogConfig, Mount, MountType,
    MountVolumeOptions, PortBinding, RestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::CreateContainerOptionsBuilder;

use super::{INSTANCE, OWNER, PORT, SITE, STOP_LIMIT, files};
use crate::config::Instances;
use crate::instances::engine::Wanted;
use crate::instances::spec::Database;

/// What the official images need to give their data to a user of their own and to become that user.
const CAPABILITIES: [&str; 5] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"];

/// The most processes and threads of a container.
const PROCESSES: i64 = 1024;

/// What a Redis may use beyond its `maxmemory`, in MB besides as much again: it rewrites its files in a process of its own, whose
/// pages are copied as fast as they are written meanwhile (Redis manual, "Memory optimization").
const REDIS_MORE: u64 = 64;

/// Bytes of an MB.
const MB: u64 = 1024 * 1024;

/// Where MySQL has its data.
pub(super) const MYSQL_DATA: &str = "/var/lib/mysql";

/// Where Redis has its data.
const REDIS_DATA: &str = "/data";

/// Where a MySQL finds the files to begin with.
const TEMPLATE: &str = "/pannier-template";

/// Begins a MySQL: with a copy of the template's files, once, but for what must not be shared (the server's identity and its
/// keys, which it makes anew), and with `utf8` by the name that this server has for it. `$1` is the character set, `$2` the
/// collation.
const BEGIN_MYSQL: &str = r#"set -e
data=/var/lib/mysql
if [ ! -e "$data/.pannier" ]; then
    rm -rf "$data"/* "$data"/.[!.]*
    cp -a /pannier-template/. "$data/"
    rm -f "$data/auto.cnf" "$data"/*.pem
    : >"$data/.pannier"
fi
server=$(command -v mariadbd || command -v mysqld)
charset=$1 collation=$2
case $charset:$("$server" --version) in
utf8mb3:*"Ver 5."* | utf8mb3:*"Ver 10."[0-5].*) charset=utf8 collation=utf8${2#utf8mb3} ;;
utf8mb3:*"Ver 8.0."[0-9]" "* | utf8mb3:*"Ver 8.0."[12][0-9]" "*) collation=utf8${2#utf8mb3} ;;
esac
exec docker-entrypoint.sh "${server##*/}" "--character-set-server=$charset" "--collation-server=$collation" \
    --init-file=/run/secrets/init.sql --skip-name-resolve
"#;

/// The name of an instance's volume.
pub(super) fn volume(id: &str) -> String {
    format!("pannier-{id}")
}

pub(super) async fn create(
    docker: &Client,
    settings: &Instances,
    network: &str,
    image: &str,
    template: Option<&str>,
    wanted: &Wanted<'_>,
) -> Result<ContainerCreateResponse, DockerError> {
    let labels = HashMap::from([
        (SITE.to_owned(), wanted.site.to_owned()),
        (INSTANCE.to_owned(), wanted.id.to_owned()),
        (OWNER.to_owned(), wanted.owner.to_owned()),
        (PORT.to_owned(), wanted.port.unwrap_or_default().to_string()),
    ]);
    let (entrypoint, command) = command(&wanted.spec.database);
    let port = wanted.spec.database.port();
    let published = wanted.port.unwrap_or_default().to_string();
    let binding = PortBinding { host_ip: Some(settings.bind.to_string()), host_port: Some(published) };
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint,
        cmd: Some(command),
        exposed_ports: Some(vec![format!("{port}/tcp")]),
        labels: Some(labels.clone()),
        // Also for the daemon's own end.
        stop_timeout: Some(STOP_LIMIT.into()),
        host_config: Some(HostConfig {
            network_mode: Some(network.to_owned()),
            mounts: Some(mounts(wanted, template, labels)),
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::UNLESS_STOPPED),
                maximum_retry_count: None,
            }),
            port_bindings: Some(HashMap::from([(format!("{port}/tcp"), Some(vec![binding]))])),
            ..host(memory(&wanted.spec.database, settings))
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::default().name(wanted.id).build();
    docker.create_container(Some(options), body).await
}

/// What every container of ours may do: little.
pub(super) fn host(memory: u64) -> HostConfig {
    let memory = i64::try_from(memory).ok();
    let log = HashMap::from([("max-size", "10m"), ("max-file", "2")]);
    HostConfig {
        memory,
        // None beyond the memory.
        memory_swap: memory,
        pids_limit: Some(PROCESSES),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(CAPABILITIES.map(str::to_owned).to_vec()),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(log.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()),
        }),
        ..HostConfig::default()
    }
}

/// A volume by its name, with nothing of the image in it.
pub(super) fn mount(volume: String, target: &str, labels: HashMap<String, String>) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(volume),
        target: Some(target.to_owned()),
        volume_options: Some(MountVolumeOptions {
            no_copy: Some(true),
            labels: Some(labels),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    }
}

fn mounts(wanted: &Wanted<'_>, template: Option<&str>, labels: HashMap<String, String>) -> Vec<Mount> {
    let target = match wanted.spec.database {
        Database::Mysql { .. } => MYSQL_DATA,
        Database::Redis { .. } => REDIS_DATA,
    };
    let data = mount(volume(wanted.id), target, labels);
    let template =
        template.map(|volume| Mount { read_only: Some(true), ..mount(volume.to_owned(), TEMPLATE, HashMap::new()) });
    std::iter::once(data).chain(template).collect()
}

/// Entry point and arguments.
fn command(database: &Database) -> (Option<Vec<String>>, Vec<String>) {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match database {
        Database::Mysql { charset, collation } => {
            (Some(words(&["sh", "-c", BEGIN_MYSQL, "begin"])), words(&[charset, collation]))
        }
        Database::Redis { .. } => (None, words(&["redis-server", files::REDIS])),
    }
}

/// How much memory a container may use, in bytes.
pub(super) fn memory(database: &Database, settings: &Instances) -> u64 {
    match database {
        Database::Mysql { .. } => u64::from(settings.mysql_memory) * MB,
        Database::Redis { memory } => (2 * u64::from(*memory) + REDIS_MORE) * MB,
    }
}
