//! Archives.

mod contract;
mod directory;
mod faults;
mod functions;
mod unzip;
