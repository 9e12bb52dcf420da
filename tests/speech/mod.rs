//! Speech: its engines, its sound, and what is spoken while a client listens.

mod engines;
mod polly;
mod programs;
mod sound;
mod speak;
mod voice;
