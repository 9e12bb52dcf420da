//! One at a time, in this process, where two would do the same work. It only saves work: others are told apart by the store.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

type Place = tokio::sync::Mutex<()>;

/// Waits until nobody else does what `work` names.
pub(super) async fn turn(work: &str) -> OwnedMutexGuard<()> {
    place(work).lock_owned().await
}

fn place(work: &str) -> Arc<Place> {
    static PLACES: LazyLock<Mutex<HashMap<String, Weak<Place>>>> = LazyLock::new(Mutex::default);
    let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
    places.retain(|_, place| place.strong_count() > 0);
    if let Some(place) = places.get(work).and_then(Weak::upgrade) {
        return place;
    }
    let place = Arc::new(Place::default());
    places.insert(work.to_owned(), Arc::downgrade(&place));
    place
}
