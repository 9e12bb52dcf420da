//! Database instances: the contract, their life in Docker, engines that are not there, deaths, and managed services.

mod absent;
mod aws;
mod contract;
mod crash;
mod daemon;
mod life;
mod model;
mod office;
mod pending;
mod trouble;
