//! Readers that are crates.

use std::fs::File;
use std::future::Future;
use std::path::Path;

use async_zip::base::read::stream::ZipFileReader;
use async_zip::base::read1::seek::ZipArchiveReader;
use futures_util::AsyncReadExt;
use futures_util::io::{AllowStdIo, AsyncRead, BufReader};
use rc_zip_sync::ReadZip;
use shared::error::BoxError;

use super::{Found, Sum, Verdict};

/// How much is read at once. Each entry begins with a seek, after which all of it is read anew.
const BUFFER: usize = 32 * 1024;

fn verdict(entries: Result<Vec<Found>, BoxError>) -> Verdict {
    entries.map_or_else(|cause| Verdict::Refused(cause.to_string()), Verdict::Entries)
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts").block_on(future)
}

fn open(archive: &Path) -> Result<BufReader<AllowStdIo<File>>, BoxError> {
    Ok(BufReader::with_capacity(BUFFER, AllowStdIo::new(File::open(archive)?)))
}

async fn sum(mut content: impl AsyncRead + Unpin, buffer: &mut [u8]) -> Result<Sum, BoxError> {
    let mut sum = Sum::default();
    loop {
        match content.read(buffer).await? {
            0 => return Ok(sum),
            count => sum.update(&buffer[..count]),
        }
    }
}

/// Through the central directory; compares it with the local headers, too.
pub(super) fn async_zip_file(archive: &Path) -> Verdict {
    verdict(block_on(async {
        let mut archive = ZipArchiveReader::open(open(archive)?).await?;
        let (mut found, mut buffer) = (Vec::new(), vec![0; BUFFER]);
        for index in 0..archive.cdrs().len() {
            let name = archive.cdrs()[index].insecure_file_name.as_str().ok_or("a name is not UTF-8")?.to_owned();
            found.push(sum(archive.file(index).await?, &mut buffer).await?.named(name));
        }
        Ok(found)
    }))
}

/// Front to back.
pub(super) fn async_zip_stream(archive: &Path) -> Verdict {
    verdict(block_on(async {
        let mut archive = ZipFileReader::new(open(archive)?);
        let (mut found, mut buffer) = (Vec::new(), vec![0; BUFFER]);
        while let Some(mut entry) = archive.next_with_entry().await? {
            let name = entry.reader().entry().filename().as_str()?.to_owned();
            found.push(sum(entry.reader_mut(), &mut buffer).await?.named(name));
            archive = entry.done().await?;
        }
        Ok(found)
    }))
}

/// Through the central directory; compares sizes and CRC-32s itself.
pub(super) fn rc_zip(archive: &Path) -> Verdict {
    let read = || {
        let file = File::open(archive)?;
        let archive = file.read_zip()?;
        let mut found = Vec::new();
        for entry in archive.entries() {
            found.push(Sum::of(entry.reader())?.named(entry.name.clone()));
        }
        Ok(found)
    };
    verdict(read())
}
