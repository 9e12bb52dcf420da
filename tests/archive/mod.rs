//! Archives.

mod contract;
mod directory;
mod faults;
mod unzip;
