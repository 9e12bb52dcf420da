//! The probe: what Pannier needs of an S3 store, as checks that run unchanged against any endpoint.
//!
//! The embedded store has to pass all of it over TCP and in the process, and so has MinIO; where MinIO may
//! answer otherwise the check itself says so. moto is a second opinion: a check that it is known not to
//! reach has a note and is not run there; every other one has to pass.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conditions;
mod keys;
mod listing;
mod multipart;
mod objects;
pub(crate) mod peer;
mod presigned;
mod ranges;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub(crate) use peer::{Peer, Target};
pub(crate) use presigned::presigned_put;

type Run = fn(Arc<Target>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// One check, with what is known of the peers that do not reach it.
pub(crate) struct Check {
    /// Name in the report.
    pub(crate) name: &'static str,
    run: Run,
    /// Why moto is not asked.
    moto: Option<&'static str>,
}

macro_rules! checks {
    ($($module:ident :: $name:ident $(, moto: $moto:literal)?;)*) => {
        /// Every check.
        pub(crate) const CHECKS: &[Check] = &[$(Check {
            name: concat!(stringify!($module), "::", stringify!($name)),
            run: |target| Box::pin($module::$name(target)),
            moto: checks!(@note $($moto)?),
        }),*];
    };
    (@note) => { None };
    (@note $note:literal) => { Some($note) };
}

checks! {
    conditions::fifty_creators_have_one_winner, moto: "checks a condition and writes without a lock between";
    conditions::fifty_increments_count_to_fifty, moto: "a read that meets a write fails with 500";
    conditions::a_swap_needs_the_current_etag;
    conditions::reads_answer_304_and_412;
    ranges::of_a_small_and_of_a_large_object;
    multipart::a_full_object_crc32_comes_back;
    multipart::parts_are_copied_from_ranges;
    multipart::wrong_completions_are_refused, moto: "looks at sizes before the order";
    multipart::a_condition_holds_for_the_completion;
    multipart::parts_and_uploads_are_listed_until_aborted, moto: "its ListParts answer has another root element";
    listing::pages_of_2500_keys_are_all_keys;
    listing::keys_are_url_encoded_on_request;
    presigned::get_and_put;
    presigned::a_wrong_signature_is_refused, moto: "checks no signature";
    objects::metadata_comes_back;
    objects::response_headers_are_overridden;
    objects::checksums_are_verified_and_kept, moto: "compares no checksum";
    objects::copies_share_content_and_choose_metadata, moto: "ignores x-amz-copy-source-if-match";
    objects::many_are_deleted_at_once;
    objects::a_read_finishes_what_it_began;
    objects::missing_things_have_their_codes, moto: "takes keys of any length";
    keys::odd_keys_round_trip;
    keys::no_key_leaves_its_bucket;
}

/// Runs every check that the peer is asked; all of them, before the first failure is told.
///
/// # Panics
/// With the names of the checks that failed.
pub(crate) async fn run(target: Target) {
    let target = Arc::new(target);
    let mut failed = Vec::new();
    for check in CHECKS.iter().filter(|check| check.applies_to(target.peer)) {
        // A task of its own, so that one failure does not hide the next.
        if tokio::spawn((check.run)(Arc::clone(&target))).await.is_err() {
            failed.push(check.name);
        }
    }
    assert!(failed.is_empty(), "{:?} fails {failed:#?}", target.peer);
}

impl Check {
    fn applies_to(&self, peer: Peer) -> bool {
        match peer {
            Peer::Embedded | Peer::Minio => true,
            Peer::Moto => self.moto.is_none(),
        }
    }
}

/// Bytes that look random and depend on the seed alone.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    tests::arbitrary::bytes(seed, len).into()
}

/// The HTTP status of a failed call, 0 when there was no answer.
pub(crate) fn status<E>(error: &aws_sdk_s3::error::SdkError<E>) -> u16 {
    error.raw_response().map_or(0, |response| response.status().as_u16())
}
