//! Containers of one Docker daemon.
//!
//! What there is of an instance: a container whose name is the instance's id, so that there cannot be two, and a volume
//! `pannier-{id}` with the data. The container publishes one port of the host, which it has for good, and comes back with the
//! daemon. All are on one network on which containers do not reach each other. The password is in a file inside the container
//! that is uploaded before it starts: not in its arguments, not in its environment, not in what `docker inspect` shows.
//!
//! A MySQL takes seconds to make its first files. So that is done once for each image ([`template`]), and each instance begins
//! with a copy of them.
//!
//! What is not kept from a tenant: other machines that this one reaches (a MySQL can be told to replicate; a Redis is not let),
//! the processors and the disk. Where that matters, give the network rules of the machine's own (Docker manual, "Packet
//! filtering and firewalls").
//!
//! Whoever may reach the daemon's socket is root on its machine. Where this process runs in a container, mount the socket only
//! if that is meant, and see that it reaches `INSTANCES_HOST`.

mod container;
mod files;
mod image;
mod template;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bollard::errors::Error as DockerError;
use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum as Status, NetworkCreateRequest};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, RemoveContainerOptionsBuilder, RemoveVolumeOptions,
    RestartContainerOptionsBuilder,
};
use bollard::{API_DEFAULT_VERSION, Docker as Client};
use tokio::sync::{Mutex, OnceCell};

use self::image::Images;
use super::{Kept, Password, Provided, Step, Wanted, unavailable};
use crate::config::{Instances, Ports};
use crate::error::{BoxError, Error};
use crate::instances::probe::{self, Answer};
use crate::instances::record::Place;
use crate::instances::spec::Database;

/// The longest wait for an answer of the daemon, in seconds. Stopping a database is the longest thing that it is asked for.
const ANSWER_LIMIT: u64 = 90;

/// How long a database has to end by itself, in seconds.
const STOP_LIMIT: i32 = 20;

/// How often a server may end by itself before it is not started any more.
const RESTARTS: i64 = 3;

/// The option of a network by which its containers do not reach each other.
const APART: &str = "com.docker.network.bridge.enable_icc";

/// How often it is looked whether a database answers.
const LOOK: Duration = Duration::from_millis(50);

/// How often it is looked whether something slow has come to its end.
const SLOW_LOOK: Duration = Duration::from_millis(200);

/// Labels of a container: the store that it was made for, its instance and whose that is, and the port that it was made with.
const SITE: &str = "pannier.site";
/// See [`SITE`].
const INSTANCE: &str = "pannier.instance";
/// See [`SITE`].
const OWNER: &str = "pannier.owner";
/// See [`SITE`].
const PORT: &str = "pannier.port";

/// A Docker daemon.
pub struct Docker {
    settings: Instances,
    /// With the version of the API that both speak.
    client: OnceCell<Client>,
    images: Arc<Images>,
    /// Held by whoever works on a template: one is enough.
    template: Mutex<()>,
}

impl Docker {
    pub(super) fn new(settings: &Instances) -> Self {
        Self { settings: settings.clone(), client: OnceCell::new(), images: Arc::default(), template: Mutex::default() }
    }

    pub(super) fn ports(&self) -> (&str, Ports) {
        (&self.settings.host, self.settings.ports)
    }

    pub(super) async fn ping(&self) -> Result<(), Error> {
        self.client().await?.ping().await.map(drop).map_err(failed("ping"))
    }

    pub(super) async fn provide(&self, wanted: &Wanted<'_>) -> Result<Provided, Error> {
        let docker = self.client().await?;
        let Some(found) = inspect(docker, wanted.id).await? else { return self.create(docker, wanted).await };
        if !is_of(&found, wanted) {
            return Ok(Provided::Failed("Another container has its name.".to_owned()));
        }
        if label(&found, PORT) != wanted.port.map(|port| port.to_string()).as_deref() {
            // Of an attempt with another port.
            remove(docker, wanted.id).await?;
            return Ok(Provided::Pending(Duration::ZERO));
        }
        let restarts = found.restart_count.unwrap_or_default();
        let state = found.state.unwrap_or_default();
        match state.status.unwrap_or(Status::EMPTY) {
            Status::RUNNING => self.look(wanted).await,
            // Docker starts what ends by itself again: this one was stopped, or could not be started.
            Status::CREATED | Status::EXITED => self.start(docker, wanted).await,
            Status::RESTARTING if restarts < RESTARTS => Ok(Provided::Pending(SLOW_LOOK)),
            Status::RESTARTING | Status::DEAD => Ok(Provided::Failed(ended(&state))),
            _ => Ok(Provided::Pending(SLOW_LOOK)),
        }
    }

    pub(super) async fn remove(&self, wanted: &Wanted<'_>) -> Result<Step, Error> {
        let docker = self.client().await?;
        match inspect(docker, wanted.id).await? {
            // Somebody else's: that is no reason to touch it, nor its volume.
            Some(found) if !is_of(&found, wanted) => return Ok(Step::Done),
            Some(_) => remove(docker, wanted.id).await?,
            None => {}
        }
        remove_volume(docker, wanted.id).await
    }

    pub(super) async fn restart(&self, wanted: &Wanted<'_>) -> Result<Step, Error> {
        let docker = self.client().await?;
        if inspect(docker, wanted.id).await?.is_none_or(|found| !is_of(&found, wanted)) {
            // What is missing is made again out of its volume.
            return Ok(Step::Done);
        }
        // What a password that was not changed in the end has left there must not count.
        files::upload(docker, wanted).await?;
        let options = RestartContainerOptionsBuilder::default().t(STOP_LIMIT).build();
        match docker.restart_container(wanted.id, Some(options)).await {
            // It is stopped; that it does not start will be found again.
            Err(error) if is_port_taken(&error) => Ok(Step::Done),
            restarted => missing_is_fine(restarted).map_err(failed("restart a container")).map(|()| Step::Done),
        }
    }

    pub(super) async fn set_password(&self, wanted: &Wanted<'_>, next: Password<'_>) -> Result<Step, Error> {
        let docker = self.client().await?;
        let changed = Wanted { password: next, ..*wanted };
        let found = inspect(docker, wanted.id).await?;
        let runs = found.is_some_and(|found| found.state.and_then(|state| state.running) == Some(true));
        if !runs {
            // It comes up with the new one.
            return Ok(match self.provide(&changed).await? {
                Provided::Ready(_) => Step::Done,
                Provided::Pending(time) => Step::Pending(time),
                Provided::PortTaken | Provided::Failed(_) => Step::Pending(SLOW_LOOK),
            });
        }
        // First what counts at its next start, which may be any moment.
        files::upload(docker, &changed).await?;
        if self.asks(wanted, next).await? == Answer::In {
            return Ok(Step::Done);
        }
        let (place, current) = (self.address(wanted)?, wanted.password.0);
        let answer = match wanted.spec.database {
            Database::Mysql { .. } => probe::set_mysql(place, current, next.0).await,
            Database::Redis { .. } => probe::set_redis(place, current, next.0).await,
        };
        match answer {
            Answer::In => Ok(Step::Done),
            Answer::Silent => Ok(Step::Pending(SLOW_LOOK)),
            // Its user has given it one of their own. A start sets it again.
            Answer::Refused => self.restart(&changed).await.map(|_| Step::Pending(SLOW_LOOK)),
        }
    }

    pub(super) async fn kept(&self, site: &str) -> Result<Vec<Kept>, Error> {
        let filters = HashMap::from([("label", vec![format!("{SITE}={site}")])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let listed = self.client().await?.list_containers(Some(options)).await.map_err(failed("list containers"))?;
        let kept = listed.into_iter().filter_map(|container| {
            let mut labels = container.labels?;
            Some(Kept { owner: labels.remove(OWNER)?, id: labels.remove(INSTANCE)? })
        });
        Ok(kept.collect())
    }

    pub(super) async fn drop_kept(&self, kept: &Kept) -> Result<(), Error> {
        let docker = self.client().await?;
        let found = inspect(docker, &kept.id).await?;
        let state = found.and_then(|found| found.state).and_then(|state| state.status);
        remove(docker, &kept.id).await?;
        // One that never ran has no data: a daemon made it after everybody had given it up.
        if state == Some(Status::CREATED) { remove_volume(docker, &kept.id).await.map(drop) } else { Ok(()) }
    }

    /// Makes a container, from an image that is there.
    async fn create(&self, docker: &Client, wanted: &Wanted<'_>) -> Result<Provided, Error> {
        let name = match wanted.spec.database {
            Database::Mysql { .. } => &self.settings.mysql_image,
            Database::Redis { .. } => &self.settings.redis_image,
        };
        let image = match self.images.find(docker, name).await? {
            image::Found::Here(id) => id,
            image::Found::Coming => return Ok(Provided::Pending(SLOW_LOOK)),
            image::Found::Nowhere => return Ok(Provided::Failed(format!("The image {name} cannot be had."))),
        };
        let template = match wanted.spec.database {
            Database::Redis { .. } => None,
            Database::Mysql { .. } => match self.find_template(docker, &image).await? {
                template::Found::Here(volume) => Some(volume),
                template::Found::Coming(pause) => return Ok(Provided::Pending(pause)),
                template::Found::Broken(reason) => return Ok(Provided::Failed(reason)),
            },
        };
        let network = self.network(docker).await?;
        let created = container::create(docker, &self.settings, &network, &image, template.as_deref(), wanted).await;
        match created {
            // Somebody else was quicker; what it is will be looked at.
            Err(error) if status(&error) == Some(409) => Ok(Provided::Pending(Duration::ZERO)),
            Err(error) => Err(failed("create a container")(error)),
            Ok(_) => self.start(docker, wanted).await,
        }
    }

    async fn find_template(&self, docker: &Client, image: &str) -> Result<template::Found, Error> {
        match self.template.try_lock() {
            Ok(_turn) => template::find(docker, &self.settings, image).await,
            Err(_) => Ok(template::Found::Coming(LOOK)),
        }
    }

    async fn start(&self, docker: &Client, wanted: &Wanted<'_>) -> Result<Provided, Error> {
        files::upload(docker, wanted).await?;
        match docker.start_container(wanted.id, None).await {
            Ok(()) => Ok(Provided::Pending(LOOK)),
            Err(error) if is_port_taken(&error) => {
                remove(docker, wanted.id).await?;
                Ok(Provided::PortTaken)
            }
            Err(error) => Err(failed("start a container")(error)),
        }
    }

    async fn look(&self, wanted: &Wanted<'_>) -> Result<Provided, Error> {
        Ok(match self.asks(wanted, wanted.password).await? {
            Answer::In => {
                let (host, port) = self.address(wanted)?;
                Provided::Ready(Place { host: host.to_owned(), port, tls: false })
            }
            Answer::Refused | Answer::Silent => Provided::Pending(LOOK),
        })
    }

    async fn asks(&self, wanted: &Wanted<'_>, password: Password<'_>) -> Result<Answer, Error> {
        let address = self.address(wanted)?;
        Ok(match wanted.spec.database {
            Database::Mysql { .. } => probe::mysql(address, password.0).await,
            Database::Redis { .. } => probe::redis(address, password.0).await,
        })
    }

    fn address(&self, wanted: &Wanted<'_>) -> Result<(&str, u16), Error> {
        let port = wanted.port.ok_or_else(|| Error::internal("find an instance", "its record has no port"))?;
        Ok((&self.settings.host, port))
    }

    async fn client(&self) -> Result<&Client, Error> {
        let connected = self.client.get_or_try_init(|| async {
            let host = &self.settings.docker_host;
            let client = match host.split_once("://") {
                Some(("unix", _)) => Client::connect_with_unix(host, ANSWER_LIMIT, API_DEFAULT_VERSION)?,
                Some(("tcp" | "http", _)) => Client::connect_with_http(host, ANSWER_LIMIT, API_DEFAULT_VERSION)?,
                _ => return Err(DockerError::UnsupportedURISchemeError { uri: host.clone() }),
            };
            client.negotiate_version().await
        });
        connected.await.map_err(failed("reach the daemon"))
    }

    /// The id of the network, which is made if there is none. It may go while it has no container: somebody tidies up.
    async fn network(&self, docker: &Client) -> Result<String, Error> {
        if let Some(id) = find_network(docker, &self.settings.network).await? {
            return Ok(id);
        }
        let request = NetworkCreateRequest {
            name: self.settings.network.clone(),
            driver: Some("bridge".to_owned()),
            options: Some(HashMap::from([(APART.to_owned(), "false".to_owned())])),
            ..NetworkCreateRequest::default()
        };
        match docker.create_network(request).await {
            // Its name is no key: somebody may have made another one, and all take the same.
            Ok(_) => {}
            Err(error) if status(&error) == Some(409) => {}
            Err(error) => return Err(failed("create a network")(error)),
        }
        let found = find_network(docker, &self.settings.network).await?;
        found.ok_or_else(|| unavailable().caused_by("the network is not there after it was made"))
    }
}

/// The first network of that name.
///
/// # Errors
/// 503 if it does not keep its containers apart.
async fn find_network(docker: &Client, name: &str) -> Result<Option<String>, Error> {
    let filters = HashMap::from([("name", vec![name.to_owned()])]);
    let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
    let listed = docker.list_networks(Some(options)).await.map_err(failed("list networks"))?;
    // The filter finds parts of names, too.
    let own = listed.into_iter().filter(|network| network.name.as_deref() == Some(name));
    let Some(first) = own.min_by(|one, other| one.id.cmp(&other.id)) else { return Ok(None) };
    let apart = first.options.is_some_and(|options| options.get(APART).is_some_and(|value| value == "false"));
    if apart {
        Ok(first.id)
    } else {
        Err(unavailable().caused_by(format!("the network {name} lets its containers reach each other ({APART})")))
    }
}

/// Removes the data of an instance.
async fn remove_volume(docker: &Client, id: &str) -> Result<Step, Error> {
    match docker.remove_volume(&container::volume(id), None::<RemoveVolumeOptions>).await {
        // Docker is about to remove the container.
        Err(error) if status(&error) == Some(409) => Ok(Step::Pending(SLOW_LOOK)),
        removed => missing_is_fine(removed).map_err(failed("remove a volume")).map(|()| Step::Done),
    }
}

async fn inspect(docker: &Client, name: &str) -> Result<Option<ContainerInspectResponse>, Error> {
    match docker.inspect_container(name, None).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if status(&error) == Some(404) => Ok(None),
        Err(error) => Err(failed("inspect a container")(error)),
    }
}

/// Removes a container at once, with the volumes that have no name.
async fn remove(docker: &Client, name: &str) -> Result<(), Error> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    match docker.remove_container(name, Some(options)).await {
        // It is being removed.
        Err(error) if status(&error) == Some(409) => Ok(()),
        removed => missing_is_fine(removed).map_err(failed("remove a container")),
    }
}

fn label<'a>(found: &'a ContainerInspectResponse, name: &str) -> Option<&'a str> {
    found.config.as_ref()?.labels.as_ref()?.get(name).map(String::as_str)
}

/// Whether a container is this instance's.
fn is_of(found: &ContainerInspectResponse, wanted: &Wanted<'_>) -> bool {
    label(found, SITE) == Some(wanted.site) && label(found, OWNER) == Some(wanted.owner)
}

/// Why a container is not running, for its user.
fn ended(state: &bollard::models::ContainerState) -> String {
    let memory = if state.oom_killed == Some(true) { ": it ran out of memory" } else { "" };
    format!("The server ended with code {}{memory}.", state.exit_code.unwrap_or_default())
}

fn status(error: &DockerError) -> Option<u16> {
    match error {
        DockerError::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

fn missing_is_fine(done: Result<(), DockerError>) -> Result<(), DockerError> {
    match done {
        Err(error) if status(&error) == Some(404) => Ok(()),
        done => done,
    }
}

/// The daemon has no code for it.
fn is_port_taken(error: &DockerError) -> bool {
    let text = error.to_string();
    ["port is already allocated", "address already in use", "Ports are not available"]
        .iter()
        .any(|part| text.contains(part))
}

/// What is told, and what is logged, when the daemon does not do what it was asked for.
fn failed(doing: &'static str) -> impl Fn(DockerError) -> Error {
    move |cause| unavailable().caused_by(BoxError::from(format!("{doing}: {cause}")))
}
