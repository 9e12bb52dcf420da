//! Database instances on request: MySQL and Redis, as containers or as managed services.
//!
//! An *instance* belongs to one user and has an id of 12 hex digits, `dockerId` in answers. Its objects are listed in
//! [`crate::storage::instance_key`]. Its record is the root of everything: it is made before anything else of the instance and
//! deleted after everything else, and it says what else there may be: a quota *slot*, a *port*, and what the engine has under
//! the id. A slot or a port is written into the record first and claimed then, so that a claim whose record says otherwise, or
//! is gone, is nobody's.
//!
//! ```text
//!             Creating --> Ready <--> Restarting, Rotating
//!                 |          |             |
//!                 +--> Failed, or Deleting <+   --> gone
//! ```
//!
//! - The record changes by compare-and-swap. A state that is not settled is carried on by whoever holds its *lease*: the
//!   request that asked for it as long as its client waits, the worker `reconcile-instances` otherwise. Who loses the lease
//!   stops; who wants a deletion only says so, and the holder turns round.
//! - Every step looks at what there is and does what is missing ([`engine`]): it may be done again by anybody.
//! - The password is made here, sealed by `PANNIER_SECRET` in the record, and reaches a database as a file.
//! - `Ready` is told after a query that was authenticated with the password, through the address that the user is told.
//!
//! What may never happen:
//! - two instances share a port, or a user gets more than the quota;
//! - a password stands in a log, an argument, a variable or an object;
//! - something of an instance outlives its record, but for a volume that somebody else may need;
//! - data is deleted without a request, or a time to live, that says so.
//!
//! - [`spec`]: what can be asked for. - `record`, `lease`: the state. - `claim`: slots and ports. - `drive`: one step after
//!   another. - [`engine`]: what makes databases; `probe`: whether they answer. - `reconcile`: the worker. - The others: one
//!   endpoint each.

mod claim;
mod create;
mod delete;
mod detail;
mod drive;
pub mod engine;
mod lease;
mod list;
mod operate;
mod probe;
mod reconcile;
mod record;
pub mod spec;
mod view;

use std::time::Duration;

pub use create::{CREATE_MYSQL, CREATE_REDIS, Created, create};
pub use delete::{DELETE, delete};
pub use detail::{DETAIL, detail};
pub use list::{LIST, list};
pub use operate::{RESTART, ROTATE_PASSWORD, restart, rotate_password};
pub use reconcile::RECONCILE_INSTANCES;
pub use record::{Instance, State};
pub use view::view;

/// How long a request waits for its instance; the contract's.
pub const WAIT: Duration = Duration::from_secs(25);

/// What is said of an instance that is not there, or is somebody else's.
const NOT_FOUND: &str = "There is no such instance.";
