//! Image hosting: pixels that are judged, cleaned and made smaller.

mod pixels;
mod pixels_samples;
