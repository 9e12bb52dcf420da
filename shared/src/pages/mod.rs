//! The pages that people use, and what describes the service: heart beat, health, numbers, the OpenAPI document and
//! its page; and the answer to whatever no other function takes.
//!
//! A page is a template in `templates/`, which escapes whatever it is given, with texts out of a table in each
//! language; all share one frame. Every page can be read without a script, and a form is a form. What a script says is
//! in the page; it puts what came from elsewhere into the page as text, never as markup.
//!
//! Nothing here writes anything. What may never happen: a name or a message that a browser takes for markup; an inline
//! script or style attribute, which the policy forbids; anything loaded from another host.

mod archives;
mod delete;
mod docs;
mod error;
mod fallback;
mod files;
mod gallery;
mod health;
mod heart_beat;
mod home;
mod instances;
mod instances_form;
mod language;
mod openapi;
mod schema;
mod speech;
mod speech_form;
mod static_files;
pub(crate) mod stats;
mod terms;
mod texts;
mod upload;
mod visit;

pub use archives::ARCHIVES;
pub use delete::DELETE;
pub use docs::DOCS;
pub(crate) use error::error_page;
pub use fallback::FALLBACK;
pub use files::FILES_PAGE;
pub use gallery::GALLERY;
pub use health::HEALTH;
pub use heart_beat::HEART_BEAT;
pub use home::HOME;
pub use instances::INSTANCES;
pub use instances_form::INSTANCES_FORM;
pub use openapi::OPENAPI;
pub use speech::SPEECH;
pub use speech_form::SPEECH_FORM;
pub use static_files::STATIC_FILES;
pub use stats::STATS;
pub use terms::TERMS;
pub use upload::{UPLOAD, UPLOAD_FORM};
pub(crate) use visit::Visit;
