//! Speech: routes and their tracks, engines, sound, and what is spoken while a client listens.

mod contract;
mod engines;
mod life;
mod model;
mod polly;
mod programs;
mod request;
mod scripted;
mod sound;
mod speak;
mod voice;
