//! `POST /api/upload/files/block`: a block, as a form.

use std::ops::Range;

use super::accept::{acknowledge, carry_on, is_taken};
use super::form::{FILE_LIMIT, FORM_LIMIT, Form};
use super::{BLOCK_TIME, form, input, named};
use crate::app::App;
use crate::error::{Error, Kind};
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, detached};
use crate::memory::{Room, UPLOADS};
use crate::uploads::rope::Rope;
use crate::uploads::task::Upload;

/// Takes one block of a task.
pub const STORE_BLOCK: Endpoint = Endpoint {
    name: "upload-block",
    methods: &[Verb::Post],
    paths: &["/api/upload/files/block"],
    auth: Auth::Open,
    dialect: Dialect::RetCode,
    needs: Needs::Store,
    limits: Limits { body: FILE_LIMIT + FORM_LIMIT, time: BLOCK_TIME },
    handler: |app, request| Box::pin(store_block(app, request)),
};

/// A block in memory, with the room it takes.
struct Block {
    range: Range<u64>,
    bytes: Rope,
    _room: Room,
}

async fn store_block(app: &App, request: Request) -> Result<Reply, Error> {
    let named = named(&request)?;
    let upload = super::open(app, named).await?;
    let declared = request.content_length();
    let room = UPLOADS.room(declared.unwrap_or(FILE_LIMIT).min(FILE_LIMIT)).await?;
    let form = Box::pin(form::read(request)).await?;
    let (range, bytes) = checked(form, upload.task.capacity())?;
    let block = Block { range: range.clone(), bytes, _room: room };
    // It goes on when the client goes away: a block is stored whole or not at all, and so is what follows from it.
    let (upload, mut standing) = detached("store a block", store(upload, block)).await?;
    acknowledge(app, &upload, &mut standing, &range).await
}

/// The bytes and where they belong, if the form is right in itself.
fn checked(form: Form, size: u64) -> Result<(Range<u64>, Rope), Error> {
    let number = |name, text: Option<String>| {
        let text = text.ok_or_else(|| Error::invalid(format!("{name} is missing.")))?;
        input::decimal(&text).ok_or_else(|| input::not_a_number(name))
    };
    let bounds = (number("startByte", form.start)?, number("endByte", form.end)?);
    let part_md5 = form.part_md5.map(|text| input::md5("partMd5", &text)).transpose()?;
    let file = form.file.ok_or_else(|| Error::invalid("file is missing."))?;
    let range = input::range(bounds, size)?;
    if file.bytes.len() != range.end - range.start {
        return Err(input::out_of_range("The range has another length than the bytes sent."));
    }
    if part_md5.is_some_and(|announced| announced != file.md5) {
        return Err(Error::new(Kind::Unprocessable, "The block has another MD5 than partMd5."));
    }
    Ok((range, file.bytes))
}

async fn store(upload: Upload, block: Block) -> Result<(Upload, crate::uploads::Standing), Error> {
    let mut standing = upload.standing().await?;
    if is_taken(standing.phase)? {
        let full = upload.write(&mut standing, block.range.start, &block.bytes).await?;
        let last = standing.size == Some(block.range.end);
        drop(block);
        // Most blocks leave their cell with gaps: nothing is due then.
        if full || last {
            carry_on(&upload, &mut standing).await?;
        }
    }
    Ok((upload, standing))
}
