//! Archives.

mod assemble;
mod contract;
mod directory;
mod faults;
mod functions;
mod import;
mod layout;
mod readers;
pub(crate) mod unzip;
