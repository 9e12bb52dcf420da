//! What describes the service: heart beat, health, the OpenAPI document and its page; and the answer to
//! whatever no other function takes; and the pages that people use, with the scripts they load.
//!
//! Nothing here writes anything or needs the store: these operations answer while the rest cannot. The
//! OpenAPI document is the one list of what the service offers; the page is made from it.

mod docs;
mod fallback;
mod files;
mod health;
mod heart_beat;
mod openapi;
mod schema;
mod static_files;

pub use docs::DOCS;
pub use fallback::FALLBACK;
pub use files::FILES_PAGE;
pub use health::HEALTH;
pub use heart_beat::HEART_BEAT;
pub use openapi::OPENAPI;
pub use static_files::STATIC_FILES;
