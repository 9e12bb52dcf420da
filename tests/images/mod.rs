//! Image hosting: the contract; what happens to images under load and when they are cut short; and their pixels.

mod contract;
mod life;
mod nginx;
mod pixels;
mod pixels_samples;
mod presign;
mod request;
