//! Archives.

mod contract;
mod unzip;
