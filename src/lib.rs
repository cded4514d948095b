//! The daemon on an agent's computer, and its command line.
//!
//! One measurement goes one way:
//! `schedule → supervisor → probe → reading → judge → verdict → report → store → deliver`.
//!
//! A probe knows `network`, `audio`, `environment` and `platform`; the command line only renders
//! what comes out. Nothing but `report` assembles what leaves the desk.

pub mod aside;
pub mod audio;
pub mod autostart;
pub mod cli;
pub mod config;
pub mod control;
pub mod daemon;
pub mod deliver;
pub mod desk;
pub mod environment;
#[cfg(test)]
mod fixtures;
pub mod identity;
pub mod network;
pub mod platform;
pub mod probe;
pub mod random;
pub mod report;
pub mod schedule;
pub mod selftest;
pub mod store;
pub mod supervisor;
