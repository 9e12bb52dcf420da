//! `POST /api/upload/files/presign`: says that a block lies in the store, which takes it in.
//!
//! Safe to say again: what was taken in before is not needed twice.

use std::ops::Range;

use md5::{Digest as _, Md5};

use super::accept::{acknowledge, carry_on, is_taken};
use super::input::{self, Fields};
use super::{BLOCK_TIME, CALL_LIMIT, named, presign};
use crate::app::App;
use crate::error::{BoxError, Error, Kind};
use crate::hex;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, detached};
use crate::storage::{Fetch, Fetched, Head, Item};
use crate::uploads::ranges::Ranges;
use crate::uploads::standing::Standing;
use crate::uploads::task::{Upload, is_id};
use crate::uploads::transfer::Transfer;

/// Takes in a block that was put straight into the store.
pub const COMMIT: Endpoint = Endpoint {
    name: "upload-presign-commit",
    methods: &[Verb::Post],
    paths: &["/api/upload/files/presign"],
    auth: Auth::Open,
    dialect: Dialect::RetCode,
    needs: Needs::Store,
    limits: Limits { body: CALL_LIMIT, time: BLOCK_TIME },
    handler: |app, request| Box::pin(commit(app, request)),
};

/// A block that is said to be in the store.
struct Claimed {
    range: Range<u64>,
    ticket: String,
    md5: Option<String>,
}

async fn commit(app: &App, request: Request) -> Result<Reply, Error> {
    let named = named(&request)?;
    let upload = super::open(app, named).await?;
    let fields = Fields::read(request).await?;
    let claimed = Claimed::read(&fields, upload.task.capacity())?;
    let range = claimed.range.clone();
    // It goes on when the client goes away, as a block that came in a form does.
    let (upload, mut standing) = detached("take in a block", take_in(upload, claimed)).await?;
    acknowledge(app, &upload, &mut standing, &range).await
}

impl Claimed {
    fn read(fields: &Fields, size: u64) -> Result<Self, Error> {
        let bounds = (fields.number("startByte")?, fields.number("endByte")?);
        let ticket = fields.text("ticket")?;
        if !is_id(ticket) {
            return Err(Error::invalid("ticket is not one that was given."));
        }
        let md5 = match fields.value("partMd5") {
            serde_json::Value::Null => None,
            _ => Some(input::md5("partMd5", fields.text("partMd5")?)?),
        };
        let range = input::range(bounds, size)?;
        if range.end - range.start > presign::LIMIT {
            return Err(Error::invalid("A block has at most 1 GiB."));
        }
        Ok(Self { range, ticket: ticket.to_owned(), md5 })
    }
}

async fn take_in(upload: Upload, claimed: Claimed) -> Result<(Upload, Standing), Error> {
    let mut standing = upload.standing().await?;
    if !is_taken(standing.phase)? {
        return Ok((upload, standing));
    }
    let key = upload.key(Item::Incoming(&claimed.ticket));
    let bucket = &upload.storage.main;
    if let Some(head) = bucket.head(&key).await? {
        if let Err(error) = check(&upload, &claimed, &head).await {
            bucket.delete(&key).await?;
            return Err(error);
        }
        let body = fetch(&upload, &claimed, &head).await?.body;
        let received = upload.receive(standing, claimed.range.start, body, &Transfer::begin(&upload.id)).await?;
        if let Some(error) = received.error {
            return Err(Error::unavailable("The block could not be read from the store.").caused_by(error));
        }
        standing = received.standing;
        bucket.delete(&key).await?;
    } else if !is_held(&upload, &standing, &claimed.range).await? {
        return Err(Error::invalid("Nothing was put under this ticket."));
    }
    carry_on(&upload, &mut standing).await?;
    Ok((upload, standing))
}

/// Whether the block is what it is said to be.
async fn check(upload: &Upload, claimed: &Claimed, head: &Head) -> Result<(), Error> {
    if head.size != claimed.range.end - claimed.range.start {
        return Err(input::out_of_range("The range has another length than the bytes in the store."));
    }
    let Some(announced) = &claimed.md5 else { return Ok(()) };
    let mut md5 = Md5::new();
    let broken = |cause: BoxError| Error::unavailable("The block could not be read from the store.").caused_by(cause);
    fetch(upload, claimed, head).await?.read(|frame| md5.update(frame)).await.map_err(broken)?;
    let same = hex(&md5.finalize()) == *announced;
    if same { Ok(()) } else { Err(Error::new(Kind::Unprocessable, "The block has another MD5 than partMd5.")) }
}

/// The block's bytes, as they were when it was checked.
async fn fetch(upload: &Upload, claimed: &Claimed, head: &Head) -> Result<Fetched, Error> {
    let fetch = Fetch { if_match: Some(&head.etag), ..Fetch::default() };
    Ok(upload.storage.main.get(&upload.key(Item::Incoming(&claimed.ticket)), fetch).await?)
}

/// Whether all of a range is there: another call has taken it in.
async fn is_held(upload: &Upload, standing: &Standing, range: &Range<u64>) -> Result<bool, Error> {
    let gaps = upload.missing(standing, usize::MAX).await?;
    Ok(Ranges::union(gaps).within(range).is_empty())
}
