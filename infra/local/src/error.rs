//! Why the stack does not start, or stops running.

use std::{error::Error, io, path::PathBuf};

use crate::TemplateError;

/// Why the stack does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program listens on this port.
    #[error("port {port} is taken: stop what listens there, or choose another one with --port")]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// The data folder cannot be used.
    #[error("the data folder cannot be used: {path}")]
    DataDir {
        /// The file or folder.
        path: PathBuf,
        /// The system's message.
        #[source]
        source: io::Error,
    },
    /// Another stack runs on it.
    #[error("another stack runs on the data folder {path}: stop it, or choose another folder with --data-dir")]
    DataDirTaken {
        /// The folder.
        path: PathBuf,
    },
    /// A file is missing to which other files in the data folder belong.
    #[error(
        "{path} is missing or empty, and the other files of its folder belong to it: put it back, or delete the folder to begin anew"
    )]
    DataDirIncomplete {
        /// The file.
        path: PathBuf,
    },
    /// A file of the data folder does not hold what the stack wrote.
    #[error("{path} is damaged: put it back, or delete the folder to begin anew")]
    DataDirDamaged {
        /// The file.
        path: PathBuf,
        /// The reader's message.
        #[source]
        source: serde_json::Error,
    },
    /// The database does not know the app of `local.json`.
    #[error(
        "the database of the data folder {path} does not know the app of local.json: was it deleted or replaced? Put it back, or delete the folder to begin anew"
    )]
    DataDirForgot {
        /// The folder.
        path: PathBuf,
    },
    /// The template is not as expected.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A part does not start, or stopped.
    #[error("{part} does not run")]
    Part {
        /// Which.
        part: &'static str,
        /// Its message.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StartError {
    pub(crate) fn part(part: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Part { part, source: source.into() }
    }
}
