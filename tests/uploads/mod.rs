//! Uploads of large files.

mod block_contract;
mod block_crowd;
mod block_input;
mod block_life;
mod block_presign;
mod block_task;
