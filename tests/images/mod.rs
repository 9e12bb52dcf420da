//! Image hosting: the contract; what happens to images under load and when they are cut short; and their pixels.

mod contract;
mod corpus;
mod hostile;
mod life;
mod nginx;
mod pixels;
mod pixels_crafted;
mod pixels_metadata;
mod pixels_random;
pub(crate) mod pixels_samples;
mod pixels_traps;
pub(crate) mod presign;
mod request;
