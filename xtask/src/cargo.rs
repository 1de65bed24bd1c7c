//! Cargo as a child process, quiet when everything is fresh.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, IsTerminal},
    process::{Child, ChildStderr, Command, Stdio},
    thread::JoinHandle,
};

use anyhow::{Context, Result, ensure};

use crate::{
    paths::{Paths, cargo_program},
    report::{Step, say},
};

/// A `cargo build` to be started.
pub struct Cargo {
    name: String,
    command: Command,
}

/// A `cargo build` that is going on.
pub struct Running {
    name: String,
    child: Child,
    told: JoinHandle<Option<Step>>,
}

impl Cargo {
    /// `cargo build` in the checkout; `name` is what the person reads.
    pub fn build(paths: &Paths, name: &str) -> Self {
        let mut command = Command::new(cargo_program());
        let colour = if std::io::stderr().is_terminal() {
            "always"
        } else {
            "never"
        };
        command
            .current_dir(&paths.root)
            .args(["build", "--color", colour])
            .stderr(Stdio::piped());
        Self {
            name: name.to_owned(),
            command,
        }
    }

    /// More arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// A variable of the environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it and goes on.
    pub fn spawn(mut self) -> Result<Running> {
        let mut child = self.command.spawn().context("cargo could not be started")?;
        let stderr = child
            .stderr
            .take()
            .context("cargo's messages could not be read")?;
        let step = Step::begin(format!("cargo: {}", self.name));
        Ok(Running {
            name: self.name,
            child,
            told: std::thread::spawn(move || pass_on(step, stderr)),
        })
    }
}

impl Running {
    /// Waits for its end.
    pub fn wait(mut self) -> Result<()> {
        let status = self.child.wait()?;
        let step = self
            .told
            .join()
            .ok()
            .context("cargo's messages could not be read")?;
        ensure!(status.success(), "cargo build of {} failed", self.name);
        if let Some(step) = step {
            step.say_end();
        }
        Ok(())
    }
}

/// Passes on what cargo says, but not that all was fresh; the step when there was something to do.
fn pass_on(step: Step, stderr: ChildStderr) -> Option<Step> {
    let mut began = false;
    for line in BufReader::new(stderr)
        .lines()
        .map_while(Result::ok)
        .filter(|line| !is_chatter(line))
    {
        if !began {
            step.say_begin();
            began = true;
        }
        say(&line);
    }
    began.then_some(step)
}

fn is_chatter(line: &str) -> bool {
    line.contains("Finished") || line.contains("Blocking waiting for file lock")
}
