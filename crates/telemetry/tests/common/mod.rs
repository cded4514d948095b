//! Tools that several tests share: closed patterns, and values made from and held to the schema.

#![allow(dead_code, reason = "each test uses its part")]

pub mod pattern;
pub mod shape;
