//! What makes databases. Each engine brings what it has under an instance's id closer to what is wanted, a step at a time: it
//! looks at what there is and does what is missing, so that a step may be done again, by anybody, after any death.

mod aws;
mod docker;
mod fake;

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, EngineKind, Ports};
use crate::error::Error;
use crate::instances::record::Place;
use crate::instances::spec::Spec;

pub use aws::Aws;
pub use docker::Docker;
pub use fake::Fake;

/// How long an engine may take to say that it is there.
const PING_LIMIT: Duration = Duration::from_secs(3);

/// What makes databases.
pub enum Engine {
    /// Nothing.
    Off,
    /// Containers.
    Docker(Box<Docker>),
    /// Managed services.
    Aws(Box<Aws>),
    /// Nothing but a memory of what was asked, for tests.
    Fake(Arc<Fake>),
}

/// An instance, as an engine has to know it.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Tells what was made for this store from what was made for another.
    pub site: &'a str,
    /// 12 hex digits: the name of what is made.
    pub id: &'a str,
    /// Whose it is.
    pub owner: &'a str,
    /// What it is.
    pub spec: &'a Spec,
    /// What lets in.
    pub password: Password<'a>,
    /// The port of the host, where the engine has [`Engine::ports`].
    pub port: Option<u16>,
    /// When it was asked for: milliseconds since 1970.
    pub created: u64,
}

/// A password. Prints as dots.
#[derive(Clone, Copy)]
pub struct Password<'a>(pub &'a str);

impl std::fmt::Debug for Password<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(...)")
    }
}

/// How far an instance is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provided {
    /// The password lets in.
    Ready(Place),
    /// There is nothing to do but to look again, after this time.
    Pending(Duration),
    /// Something else listens on its port, and nothing of the instance is left there.
    PortTaken,
    /// It will not come, for a reason that its user may read.
    Failed(String),
}

/// How far something is that ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// All of it is done.
    Done,
    /// There is nothing to do but to look again, after this time.
    Pending(Duration),
}

/// An instance of which an engine has something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Whose.
    pub owner: String,
    /// Which.
    pub id: String,
}

impl Engine {
    /// The configured one. Nothing is asked of it yet.
    pub fn of(config: &Config) -> Self {
        match config.instances.engine {
            EngineKind::Off => Self::Off,
            EngineKind::Docker => Self::Docker(Box::new(Docker::new(&config.instances))),
            EngineKind::Aws => Self::Aws(Box::new(Aws::new(config))),
        }
    }

    /// As `/health` has it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Docker(_) => "docker",
            Self::Aws(_) => "aws",
            Self::Fake(_) => "fake",
        }
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// 503 if it does not, within three seconds.
    pub async fn ping(&self) -> Result<(), Error> {
        let asked = async {
            match self {
                Self::Off => Err(unavailable()),
                Self::Docker(docker) => docker.ping().await,
                Self::Aws(aws) => aws.ping().await,
                Self::Fake(fake) => fake.ping(),
            }
        };
        tokio::time::timeout(PING_LIMIT, asked).await.unwrap_or_else(|elapsed| Err(unavailable().caused_by(elapsed)))
    }

    /// The host on which its instances listen, and the ports that they may have, where ports are scarce.
    pub fn ports(&self) -> Option<(&str, Ports)> {
        match self {
            Self::Off | Self::Aws(_) => None,
            Self::Docker(docker) => Some(docker.ports()),
            Self::Fake(fake) => Some(fake.ports()),
        }
    }

    /// How long it may take to make an instance.
    pub fn patience(&self) -> Duration {
        match self {
            // An image may have to be fetched first.
            Self::Off | Self::Docker(_) | Self::Fake(_) => Duration::from_secs(10 * 60),
            Self::Aws(_) => Duration::from_secs(60 * 60),
        }
    }

    /// Brings an instance closer to being there, where it is not yet; also one that was there before and is not running.
    ///
    /// # Errors
    /// 503 if the engine does not answer, or not as it should; the step may be done again.
    pub async fn provide(&self, wanted: &Wanted<'_>) -> Result<Provided, Error> {
        match self {
            Self::Off => Err(unavailable()),
            Self::Docker(docker) => docker.provide(wanted).await,
            Self::Aws(aws) => aws.provide(wanted).await,
            Self::Fake(fake) => fake.provide(wanted).await,
        }
    }

    /// Brings an instance closer to being gone, with its data.
    ///
    /// # Errors
    /// As [`Engine::provide`].
    pub async fn remove(&self, wanted: &Wanted<'_>) -> Result<Step, Error> {
        match self {
            Self::Off => Err(unavailable()),
            Self::Docker(docker) => docker.remove(wanted).await,
            Self::Aws(aws) => aws.remove(wanted).await,
            Self::Fake(fake) => fake.remove(wanted).await,
        }
    }

    /// Stops an instance and starts it again; when that is done [`Engine::provide`] tells how far it is. One that is not
    /// there, while its data may be, is left to it as well.
    ///
    /// # Errors
    /// As [`Engine::provide`]; 409 if this kind of instance cannot be restarted.
    pub async fn restart(&self, wanted: &Wanted<'_>) -> Result<Step, Error> {
        match self {
            Self::Off => Err(unavailable()),
            Self::Docker(docker) => docker.restart(wanted).await,
            Self::Aws(aws) => aws.restart(wanted).await,
            Self::Fake(fake) => fake.restart(wanted).await,
        }
    }

    /// Gives an instance that is ready another password, which stays after a restart.
    ///
    /// # Errors
    /// As [`Engine::restart`].
    pub async fn set_password(&self, wanted: &Wanted<'_>, next: Password<'_>) -> Result<Step, Error> {
        match self {
            Self::Off => Err(unavailable()),
            Self::Docker(docker) => docker.set_password(wanted, next).await,
            Self::Aws(aws) => aws.set_password(wanted, next).await,
            Self::Fake(fake) => fake.set_password(wanted, next).await,
        }
    }

    /// Everything that was made for this store and may be removed as long as no record names it: not what holds data.
    ///
    /// # Errors
    /// As [`Engine::provide`].
    pub async fn kept(&self, site: &str) -> Result<Vec<Kept>, Error> {
        match self {
            // Managed services hold data: nothing of them is removed without a record.
            Self::Off | Self::Aws(_) => Ok(Vec::new()),
            Self::Docker(docker) => docker.kept(site).await,
            Self::Fake(fake) => Ok(fake.kept(site)),
        }
    }

    /// Removes one of those, without its data.
    ///
    /// # Errors
    /// As [`Engine::provide`].
    pub async fn drop_kept(&self, kept: &Kept) -> Result<(), Error> {
        match self {
            Self::Off | Self::Aws(_) => Ok(()),
            Self::Docker(docker) => docker.drop_kept(kept).await,
            Self::Fake(fake) => {
                fake.drop_kept(kept);
                Ok(())
            }
        }
    }
}

/// What is said when an engine does not answer.
fn unavailable() -> Error {
    Error::unavailable("The instance engine does not answer.")
}
