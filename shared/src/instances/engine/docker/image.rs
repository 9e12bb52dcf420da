//! Images, which are fetched when they are needed first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bollard::Docker as Client;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::TryStreamExt;
use tracing::{info, warn};

use super::{failed, status};
use crate::error::Error;

/// How long an image may take to be fetched: less than an instance may take.
const FETCH_LIMIT: Duration = Duration::from_secs(8 * 60);

/// What is known of images that are not here.
#[derive(Default)]
pub(super) struct Images(Mutex<HashMap<String, Fetch>>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fetch {
    Running,
    Failed,
}

/// Where an image is.
pub(super) enum Found {
    /// By its id.
    Here(String),
    /// It is being fetched.
    Coming,
    /// It could not be fetched.
    Nowhere,
}

impl Images {
    /// Looks for an image by its name; one that is not here is fetched from then on.
    pub(super) async fn find(self: &Arc<Self>, docker: &Client, name: &str) -> Result<Found, Error> {
        match docker.inspect_image(name).await {
            Ok(image) => return Ok(Found::Here(image.id.unwrap_or_else(|| name.to_owned()))),
            Err(error) if status(&error) == Some(404) => {}
            Err(error) => return Err(failed("inspect an image")(error)),
        }
        let mut fetches = self.lock();
        match fetches.get(name) {
            Some(Fetch::Running) => return Ok(Found::Coming),
            // Told once; the next one who needs it tries again.
            Some(Fetch::Failed) => {
                fetches.remove(name);
                return Ok(Found::Nowhere);
            }
            None => fetches.insert(name.to_owned(), Fetch::Running),
        };
        drop(fetches);
        tokio::spawn(fetch(self.clone(), docker.clone(), name.to_owned()));
        Ok(Found::Coming)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Fetch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn fetch(images: Arc<Images>, docker: Client, name: String) {
    info!(image = name, "an image is fetched");
    // Without a tag Docker would fetch all of them.
    let is_exact = name.contains('@') || name.rsplit('/').next().is_some_and(|last| last.contains(':'));
    let tagged = if is_exact { name.clone() } else { format!("{name}:latest") };
    let options = CreateImageOptionsBuilder::default().from_image(&tagged).build();
    let fetching = docker.create_image(Some(options), None, None).try_for_each(|_| async { Ok(()) });
    let fetched = tokio::time::timeout(FETCH_LIMIT, fetching).await;
    let problem = match &fetched {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(elapsed) => Some(elapsed.to_string()),
    };
    let mut fetches = images.lock();
    match problem {
        None => fetches.remove(&name),
        Some(problem) => {
            warn!(image = name, problem, "an image cannot be fetched");
            fetches.insert(name, Fetch::Failed)
        }
    };
}
