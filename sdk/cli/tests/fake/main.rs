//! The built program against a small HTTP server, for what no stack does at will: outages, strange answers, pages of events.

#![cfg(test)]

mod commands;
mod doctor;
mod events;
mod server;
