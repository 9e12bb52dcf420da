//! The first files of a MySQL, made once for each image: a container that has made them and has ended, and its volume.
//!
//! Both are called `pannier-template-` and the beginning of the image's id, so that all processes of all stores use the same. The
//! container is the state: it is made, it starts, it makes its files and then listens, it is told to stop, and once it has
//! ended without an error the volume is good. Any process may do the next step.
//!
//! The template's own password is random, known to nobody, and replaced in each copy before it listens.

use std::time::Duration;

use bollard::Docker as Client;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse, ContainerStateStatusEnum as Status, HostConfig};
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveVolumeOptions, StopContainerOptionsBuilder};

use super::{STOP_LIMIT, container, failed, files, inspect, missing_is_fine, remove, status};
use crate::config::Instances;
use crate::error::Error;
use crate::instances::probe::{self, Answer};
use crate::instances::record::new_password;
use crate::instances::spec::Database;

/// Characters of an image's id in the name: as many as Docker shows.
const ID: usize = 12;

/// How often it is looked whether the files are made.
const LOOK: Duration = Duration::from_millis(100);

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
    let state = found.state.clone().unwrap_or_default();
    match state.status.unwrap_or(Status::EMPTY) {
        Status::EXITED if state.exit_code == Some(0) => return Ok(Found::Here(name)),
        Status::EXITED | Status::DEAD => {
            remove(docker, &name).await?;
            missing_is_fine(docker.remove_volume(&name, None::<RemoveVolumeOptions>).await)
                .map_err(failed("remove a volume"))?;
            return Ok(Found::Broken(super::ended(&state)));
        }
        Status::CREATED => start(docker, &name).await?,
        Status::RUNNING if listens(settings, &found).await => {
            let options = StopContainerOptionsBuilder::default().t(STOP_LIMIT).build();
            missing_is_fine(docker.stop_container(&name, Some(options)).await).map_err(failed("stop a container"))?;
        }
        _ => {}
    }
    Ok(Found::Coming(LOOK))
}

async fn create(docker: &Client, settings: &Instances, image: &str, name: &str) -> Result<(), Error> {
    let any = Database::Mysql { charset: String::new(), collation: String::new() };
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        // As a first argument that is an option, it is the server's.
        cmd: Some(vec!["--skip-name-resolve".to_owned()]),
        env: Some(vec![format!("MYSQL_ROOT_PASSWORD_FILE={PASSWORD}")]),
        exposed_ports: Some(vec![format!("{}/tcp", any.port())]),
        host_config: Some(HostConfig {
            mounts: Some(vec![container::mount(name.to_owned(), container::MYSQL_DATA, Default::default())]),
            ..container::host(settings, container::memory(&any, settings), any.port(), 0)
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

/// Whether the server listens: what makes the files does not.
async fn listens(settings: &Instances, found: &ContainerInspectResponse) -> bool {
    let ports = found.network_settings.as_ref().and_then(|network| network.ports.as_ref());
    let bindings = ports.and_then(|ports| ports.values().flatten().next());
    let port = bindings.and_then(|bindings| bindings.first()?.host_port.as_ref()?.parse().ok());
    let Some(port) = port else { return false };
    probe::mysql((&settings.host, port), "not the password").await == Answer::Refused
}
