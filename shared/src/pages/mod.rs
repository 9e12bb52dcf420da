//! What describes the service: heart beat, health, the OpenAPI document and its page; and the answer to
//! whatever no other function takes.
//!
//! Nothing here writes anything or needs the store: these operations answer while the rest cannot. The
//! OpenAPI document is the one list of what the service offers; the page is made from it.

mod docs;
mod fallback;
mod health;
mod heart_beat;
mod openapi;
mod schema;

pub use docs::DOCS;
pub use fallback::FALLBACK;
pub use health::HEALTH;
pub use heart_beat::HEART_BEAT;
pub use openapi::OPENAPI;
