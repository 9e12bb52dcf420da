//! Speech: text in, MP3 out, each text rendered once, by background workers.

pub mod audio;
pub mod engine;
pub mod script;
mod speak;

pub use speak::SPEAK;
