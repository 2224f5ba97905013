//! The console in a real Chromium, as a person uses it: each story once, and axe checks every page in both languages and colour
//! schemes.
//!
//! `tests/browser/install` installs what this needs. Without it the stories are skipped with a message; with `CI=true` they fail.
//! Pictures of every page are in `target/screenshots`.

#![cfg(test)]

#[path = "../specs/answer.rs"]
#[allow(dead_code, reason = "shared with the specs, which use more of it")]
mod answer;
#[path = "../specs/contract.rs"]
#[allow(dead_code, reason = "shared with the specs, which use more of it")]
mod contract;
mod driver;
mod export;
mod first_steps;
#[path = "../specs/logs.rs"]
mod logs;
mod look;
mod other_origin;
#[path = "../specs/permissions.rs"]
#[allow(dead_code, reason = "shared with the specs, which use more of it")]
mod permissions;
mod reference;
mod scene;
mod stories;
mod wallets;
mod work;
#[path = "../specs/world.rs"]
#[allow(dead_code, reason = "shared with the specs, which use more of it")]
mod world;
