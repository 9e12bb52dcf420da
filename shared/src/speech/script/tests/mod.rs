//! What a script promises.

mod json;
mod language;
mod phrases;
mod random;
mod ssml;
