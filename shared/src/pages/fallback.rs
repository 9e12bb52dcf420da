//! The function behind the routes of all others.
//!
//! In the cloud a gateway picks the function by method and path; what fits none comes here and gets the
//! answer that the whole table would give: 404 or 405 in the dialect of the job it seems to be about, or
//! a preflight's. It does no job's work, and has no permission to. The local program holds the whole
//! table in one process and needs none of this, so [`ALL`](crate::endpoints::ALL) does not list it.

use crate::endpoints::TABLE;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Verb, missed};

/// Every method and path that no endpoint takes.
pub const FALLBACK: Endpoint = Endpoint {
    name: "fallback",
    methods: &[Verb::Any],
    paths: &["/{path...}"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Nothing,
    // A body is never read; its length must not hide that the path is wrong.
    limits: Limits { body: u64::MAX, ..Limits::READ },
    handler: |_, request| Box::pin(async move { Ok(missed(&TABLE, &request)) }),
};
