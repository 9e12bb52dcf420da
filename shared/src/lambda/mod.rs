//! The Lambda door: one endpoint under the Lambda Runtime API.
//!
//! `lambda_http` reads the events; the loop that talks to the Runtime API is ours, because the loop that
//! comes with it (`lambda_http` 1.3.2, `lambda_runtime` 1.5.0) holds every streamed response back for 44 ms,
//! ends a response that failed in mid-stream as if it were whole, damages text that is not UTF-8, and
//! panics when a body fails. Each of the four has a test here that shows its absence.
//!
//! What may never happen: an error's text inside a body; a response that failed and looks complete; a
//! request that ends the process.
//!
//! - `runtime`: the Runtime API; also under [`crate::events`].
//! - `request`: events to requests. - `response`: responses to what the platform takes.

mod request;
mod response;
pub(crate) mod runtime;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use futures_util::FutureExt;
use tracing::error;

use self::response::Asked;
use self::runtime::{Answer, Failure, Invocation, RuntimeApi};
use crate::app::App;
use crate::config::{Config, ConfigError, Platform};
use crate::error::{BoxError, Error, Kind};
use crate::http::{Endpoint, dispatch};
use crate::log;
use crate::storage::{Storage, Transport};

/// The exit code for a wrong setting, as the local program has it.
const WRONG_SETTING: u8 = 2;

/// Runs a function that serves `endpoint`, until the platform ends it.
pub fn run(endpoint: &'static Endpoint) -> ExitCode {
    to_its_end(async |api, app| serve(api, app, &[endpoint]).await)
}

/// Runs a function on this thread. Not in its binary, which would have the loop and the runtime compiled anew for each.
pub(crate) fn to_its_end(serve: impl AsyncFnOnce(&mut RuntimeApi, &App) -> BoxError) -> ExitCode {
    let function = async {
        match start().await {
            Ok((mut api, app)) => stopped(&serve(&mut api, &app).await),
            Err(code) => code,
        }
    };
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(function),
        Err(cause) => {
            log::start(log::Format::Json, "", None);
            stopped(&cause.into())
        }
    }
}

/// Answers invocations from the Runtime API at `runtime_api` (host and port), until it is no longer there;
/// returns why. [`run`] in one process with its caller, for tests with endpoints of their own.
pub async fn serve_invocations(runtime_api: &str, app: &App, table: &[&'static Endpoint]) -> BoxError {
    serve(&mut RuntimeApi::new(runtime_api), app, table).await
}

/// Settings and clients, without a word to the network: a wrong setting is reported to the platform.
async fn start() -> Result<(RuntimeApi, App), ExitCode> {
    let platform = match Platform::from_env() {
        Ok(platform) => platform,
        Err(problem) => {
            log::start(log::Format::Json, "", None);
            return Err(refuse_to_start(&problem));
        }
    };
    log::start(log::Format::Json, &platform.log, None);
    let mut api = RuntimeApi::new(&platform.runtime_api);
    match Config::from_env() {
        Ok(config) => {
            let storage = Storage::connect(&config, Transport::Network).await;
            Ok((api, App::with_storage(config, storage)))
        }
        Err(problem) => {
            let code = refuse_to_start(&problem);
            let failure = Failure::new("Runtime.WrongSetting", problem.to_string());
            if let Err(cause) = api.init_error(&failure).await {
                error!(cause, "the platform was not told");
            }
            Err(code)
        }
    }
}

/// Logs why the function ends, mostly that the Runtime API is lost: the platform starts another process.
fn stopped(cause: &BoxError) -> ExitCode {
    error!(cause = %cause, "the function ends");
    ExitCode::FAILURE
}

fn refuse_to_start(problem: &ConfigError) -> ExitCode {
    error!("{problem}");
    ExitCode::from(WRONG_SETTING)
}

async fn serve(api: &mut RuntimeApi, app: &App, table: &[&'static Endpoint]) -> BoxError {
    loop {
        let invocation = match api.next().await {
            Ok(invocation) => invocation,
            Err(cause) => return cause,
        };
        // The door catches a handler's panic; what is left to catch here is our own.
        let answer = AssertUnwindSafe(answer(app, table, &invocation)).catch_unwind().await;
        let answer = answer.unwrap_or_else(|panic| Err(Failure::panic(panic.as_ref())));
        if let Err(cause) = api.answer(&invocation, answer).await {
            return cause;
        }
    }
}

async fn answer(app: &App, table: &[&'static Endpoint], invocation: &Invocation) -> Result<Answer, Failure> {
    let (request, shape) = request::decode(invocation).map_err(|cause| Failure::event(cause.as_ref()))?;
    let asked = Asked::of(&request, table, shape, invocation.deadline);
    let response = match tokio::time::timeout_at(invocation.deadline, dispatch(app, table, request)).await {
        Ok(response) => response,
        Err(elapsed) => asked.refuse(None, &Error::new(Kind::Timeout, "This took too long.").caused_by(elapsed)),
    };
    response::encode(app.config.response_mode, asked, response).await
}
