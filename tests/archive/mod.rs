//! Archives.

mod contract;
mod directory;
mod faults;
mod functions;
mod layout;
mod readers;
mod unzip;
