//! Image hosting.

pub mod pixels;
