//! The first files of a MySQL, made once for each image: a container that has made them and has ended, and its volume.
//!
//! Both are called `pannier-template-` and the beginning of the image's id, so that all processes of all stores use the same. The
//! container is the state: it is made, it starts, it makes its files and then listens, it is told to stop, and once it has
//! ended without an error the volume is good. Any process may do the next step.
//!
//! The template's own password is random, known to nobody, and replaced in each copy before it listens.

use std::time::Duration;

use bollard::Docker as Client;
use bollard::exec::StartExecResults;
use bollard::models::{ContainerCreateBody, ContainerStateStatusEnum as Status, ExecConfig, HostConfig};
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveVolumeOptions, StopContainerOptionsBuilder};

use super::{STOP_LIMIT, container, failed, files, inspect, missing_is_fine, remove, status};
use futures_util::TryStreamExt;

use crate::config::Instances;
use crate::error::Error;
use crate::instances::record::new_password;
use crate::instances::spec::Database;

/// Characters of an image's id in the name: as many as Docker shows.
const ID: usize = 12;

/// How often it is looked whether the files are made.
const LOOK: Duration = Duration::from_millis(100);

/// Codes of a server that was killed: by a signal, or with its daemon.
const KILLED: [i64; 3] = [137, 143, 255];

/// Succeeds once the server answers over TCP, be it with a refusal.
const LISTENS: &str = r#"exec "$(command -v mariadb-admin || command -v mysqladmin)" --protocol=tcp --host=127.0.0.1 \
    --connect-timeout=3 --user=root --password=none ping"#;

/// The file with the password, as the official images take it.
const PASSWORD: &str = "/run/secrets/root";

/// Where a template is.
pub(super) enum Found {
    /// In this volume.
    Here(String),
    /// On its way.
    Coming(Duration),
    /// It could not be made.
    Broken(String),
}

/// Looks for an image's template, and brings one that is not there a step closer.
pub(super) async fn find(docker: &Client, settings: &Instances, image: &str) -> Result<Found, Error> {
    let id = image.trim_start_matches("sha256:");
    let name = format!("pannier-template-{}", id.get(..ID).unwrap_or(id));
    let Some(found) = inspect(docker, &name).await? else {
        create(docker, settings, image, &name).await?;
        return Ok(Found::Coming(LOOK));
    };
    let state = found.state.unwrap_or_default();
    match state.status.unwrap_or(Status::EMPTY) {
        Status::EXITED if state.exit_code == Some(0) => return Ok(Found::Here(name)),
        Status::EXITED | Status::DEAD => {
            remove(docker, &name).await?;
            // One that was killed is made again; of others the reason is told.
            if !state.exit_code.is_some_and(|code| KILLED.contains(&code)) {
                return Ok(Found::Broken(super::ended(&state)));
            }
        }
        Status::CREATED => start(docker, &name).await?,
        Status::RUNNING if listens(docker, &name).await? => {
            let options = StopContainerOptionsBuilder::default().t(STOP_LIMIT).build();
            missing_is_fine(docker.stop_container(&name, Some(options)).await).map_err(failed("stop a container"))?;
        }
        _ => {}
    }
    Ok(Found::Coming(LOOK))
}

async fn create(docker: &Client, settings: &Instances, image: &str, name: &str) -> Result<(), Error> {
    // Of one that did not come to its end. While somebody else's container has it, it stays.
    match docker.remove_volume(name, None::<RemoveVolumeOptions>).await {
        Err(error) if status(&error) == Some(409) => {}
        removed => missing_is_fine(removed).map_err(failed("remove a volume"))?,
    }
    let any = Database::Mysql { charset: String::new(), collation: String::new() };
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        // As a first argument that is an option, it is the server's.
        cmd: Some(vec!["--skip-name-resolve".to_owned()]),
        env: Some(vec![format!("MYSQL_ROOT_PASSWORD_FILE={PASSWORD}")]),
        host_config: Some(HostConfig {
            mounts: Some(vec![container::mount(name.to_owned(), container::MYSQL_DATA, Default::default())]),
            // Nobody outside has anything to ask it.
            network_mode: Some("none".to_owned()),
            ..container::host(container::memory(&any, settings))
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::default().name(name).build();
    match docker.create_container(Some(options), body).await {
        Ok(_) => Ok(()),
        // Somebody else was quicker.
        Err(error) if status(&error) == Some(409) => Ok(()),
        Err(error) => Err(failed("create a template")(error)),
    }
}

async fn start(docker: &Client, name: &str) -> Result<(), Error> {
    files::put(docker, name, PASSWORD, &new_password()).await?;
    missing_is_fine(docker.start_container(name, None).await).map_err(failed("start a template"))
}

/// Whether the server listens, as a client inside is told: what makes the files does not.
async fn listens(docker: &Client, name: &str) -> Result<bool, Error> {
    let config = ExecConfig {
        cmd: Some(["sh", "-c", LISTENS].map(str::to_owned).to_vec()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..ExecConfig::default()
    };
    let asked = async {
        let exec = docker.create_exec(name, config).await?;
        if let StartExecResults::Attached { mut output, .. } = docker.start_exec(&exec.id, None).await? {
            while output.try_next().await?.is_some() {}
        }
        docker.inspect_exec(&exec.id).await
    };
    match asked.await {
        Ok(ended) => Ok(ended.exit_code == Some(0)),
        // It has just ended.
        Err(error) if matches!(status(&error), Some(404 | 409)) => Ok(false),
        Err(error) => Err(failed("ask a template")(error)),
    }
}
