//! Image hosting: pixels that are judged, cleaned and made smaller.

mod corpus;
mod pixels;
mod pixels_crafted;
mod pixels_metadata;
mod pixels_random;
mod pixels_samples;
mod pixels_traps;
