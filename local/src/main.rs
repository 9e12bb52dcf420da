//! The local program: reads its flags, opens what they name, and hands it to the server.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ErrorKind;
use local::flags::{Flags, LogFormat};
use local::{action_log, open, server, workers};
use shared::app::App;
use shared::{config, log};
use tokio::net::TcpListener;

fn main() -> ExitCode {
    let flags = match Flags::read() {
        Ok(flags) => flags,
        Err(help) if matches!(help.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return if help.print().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        Err(error) => return refuse(&first_line(&error.to_string())),
    };
    let directives = if flags.quiet { Some("warn".to_owned()) } else { config::variable("RUST_LOG") };
    let format = match flags.log_format {
        LogFormat::Text => log::Format::Text,
        LogFormat::Json => log::Format::Json,
    };
    let actions = action_log::open(&flags.data);
    let problem = actions.as_ref().err().map(ToString::to_string);
    log::start(format, directives.as_deref().unwrap_or("info"), actions.ok());
    if let Some(problem) = problem {
        return refuse(&format!("--data {}: {problem}", flags.data.display()));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&error),
    };
    match runtime.block_on(run(flags)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => refuse(&problem),
    }
}

/// Runs until a signal comes. An error is what a person must change before it can run.
async fn run(flags: Flags) -> Result<(), String> {
    server::raise_file_limit();
    let config = flags.config().map_err(|error| error.to_string())?;
    let opened = open::open(&flags, config).await?;
    let listener =
        TcpListener::bind(flags.listen).await.map_err(|error| format!("cannot listen on {}: {error}", flags.listen))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let app = Arc::new(App::new(opened.config));
    let mut signal = server::signal();
    announce(&address)?;

    let serving = tokio::spawn(server::run(listener, app.clone(), signal.clone()));
    let store_api = tokio::spawn(open::serve_store(opened.store_api, signal.clone()));
    let reached = tokio::select! {
        reached = open::reach(opened.storage) => reached.map(Some),
        _ = signal.wait_for(|stop| *stop) => Ok(None),
    };
    if let Some(storage) = reached? {
        app.store_reached(storage);
        Box::pin(workers::run(app, opened.events, signal)).await;
    }
    serving.await.map_err(|error| error.to_string())?;
    store_api.await.map_err(|error| error.to_string())??;
    if let Some(store) = opened.store {
        store.close().await;
    }
    Ok(())
}

/// The first line on standard output: whoever started the program with port 0 learns the port here.
fn announce(address: &impl Display) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on http://{address}")
        .and_then(|()| out.flush())
        .map_err(|error| format!("standard output: {error}"))
}

/// One line that says what is wrong, and exit code 2.
fn refuse(problem: &impl Display) -> ExitCode {
    // Nothing is left to do if standard error is gone.
    let _ = writeln!(std::io::stderr(), "pannier: {problem}");
    ExitCode::from(2)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
