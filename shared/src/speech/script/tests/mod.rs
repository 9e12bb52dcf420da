//! What a script promises.

mod language;
