//! The block protocol: a business server applies for a task, its client sends the blocks.
//!
//! A task is an upload whose id is a number. The number can be guessed and permits nothing; the key in its URLs,
//! which only the service can make, is the permission. A wrong key, the key of another task and a task that does
//! not exist are one answer.
//!
//! Its objects are those of every upload ([`crate::storage::upload_key`]); only a block that goes straight to the
//! store lies in `uploads/{taskId}/in/{ticket}` until it is taken in.
//!
//! - `new_task`, `store_block`, `info`, `state`: the four calls. - `presign`, `commit`: a block past the functions.
//! - `accept`: what a block comes to, whichever way it came. - `form`, `input`: what is sent, within limits.
//! - `view`: what a client is told of where a task stands. Where the finished file lies is said in `uploads::destination`.
//!
//! What may never happen: a block acknowledged whose bytes are not safe; bytes asked for that are; a block stored
//! of which the sender's MD5 is another one; a file outside of what the operator gave to its business.

mod accept;
mod commit;
mod form;
mod info;
mod input;
mod new_task;
mod presign;
mod state;
mod store_block;
mod view;

pub use commit::COMMIT;
pub use info::INFO;
pub use new_task::NEW_TASK;
pub use presign::PRESIGN;
pub use state::STATE;
pub use store_block::STORE_BLOCK;

use std::time::Duration;

use super::PURPOSE;
use super::task::Upload;
use crate::app::App;
use crate::auth;
use crate::error::Error;
use crate::http::{Limits, Request};

/// Task numbers lie below this: the integers that every JSON reader holds exactly (RFC 8259, section 6).
const TASK_ID_LIMIT: u64 = 1 << 53;

/// The most bytes of a call that carries no block.
const CALL_LIMIT: u64 = 64 * 1024;

/// For calls that carry no block. An upload that ends in one of them is worked on for some seconds.
const CALL: Limits = Limits { body: CALL_LIMIT, time: Duration::from_secs(60) };

/// How long a call that carries or moves a block may take.
const BLOCK_TIME: Duration = Duration::from_secs(15 * 60);

/// The task that a URL names, and the key that is to permit it.
fn named(request: &Request) -> Result<(u64, String), Error> {
    Ok((input::query_number(request, "taskId")?, input::query(request, "key")?))
}

/// The task of that number, if the key is its own.
async fn open(app: &App, (id, key): (u64, String)) -> Result<Upload, Error> {
    if !(1..TASK_ID_LIMIT).contains(&id) {
        return Err(Error::invalid("taskId must be a positive integer below 2^53."));
    }
    let id = id.to_string();
    let missing = || Error::not_found("There is no such task.");
    if !auth::permits(&app.config, PURPOSE, &id, &key)? {
        return Err(missing());
    }
    Upload::open(app.storage()?, &id).await?.ok_or_else(missing)
}
