//! One entry's content, unpacked and verified by `async_zip`.
//!
//! The library (0.0.19) is shown each entry as an archive of its own, with a header and a list of one
//! record that are made here from what has been checked. It never sees what was uploaded but the
//! content: on a list of entries it reads as far as records go, whatever number was announced, panics
//! where a large offset is missing, does not tell that an entry is encrypted, and refuses the short
//! zip64 fields that common programs write.

use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_zip::base::read1::seek::ZipArchiveReader;
use async_zip::base::read1::{ZipFileReader, ZipOptions};
use async_zip::error::{Result, ZipError};
use bytes::BufMut;
use futures_util::io::{AsyncBufRead, AsyncRead, AsyncReadExt, AsyncSeek, Chain, Cursor};

use super::directory::Entry;

/// Bit 3: the header leaves CRC-32 and sizes to the record.
const FLAGS: u16 = 1 << 3;
/// Needs zip64 (APPNOTE 4.4.3.2).
const VERSION: u16 = 45;
const HEADER: usize = 30;
const RECORD: u32 = 46 + 20;

/// Reads an entry whose packed bytes `body` begins with. The end of what it gives is an error unless
/// size and CRC-32 are those of the entry; it gives no byte more than the entry's size.
pub(super) async fn open<R: AsyncBufRead + Unpin>(entry: &Entry, body: R) -> Result<ZipFileReader<Single<R>>> {
    let options = ZipOptions { max_uncompressed_size_per_file: entry.size, ..ZipOptions::default() };
    let list = ZipArchiveReader::open_with_options(Cursor::new(list(entry)), options).await?;
    let single = Single(Cursor::new(header(entry)).chain(body));
    ZipArchiveReader::new_with_inner(single, Arc::clone(list.inner())).file_oneshot(0).await
}

/// The header before the content: it names the method, and nothing else.
fn header(entry: &Entry) -> Vec<u8> {
    let mut header = Vec::with_capacity(HEADER);
    header.put_slice(b"PK\x03\x04");
    header.put_u16_le(VERSION);
    header.put_u16_le(FLAGS);
    header.put_u16_le(entry.method as u16);
    header.resize(HEADER, 0);
    header
}

/// The list of this entry alone, without its name, at offset 0; and the end record.
fn list(entry: &Entry) -> Vec<u8> {
    let mut list = Vec::with_capacity(128);
    list.put_slice(b"PK\x01\x02");
    list.put_u16_le(VERSION);
    list.put_u16_le(VERSION);
    list.put_u16_le(FLAGS);
    list.put_u16_le(entry.method as u16);
    list.put_u32_le(0);
    list.put_u32_le(entry.crc32);
    // Both sizes: in the zip64 field.
    list.put_u64_le(u64::MAX);
    list.put_u16_le(0);
    list.put_u16_le(20);
    list.put_bytes(0, 2 + 2 + 2 + 4 + 4);
    list.put_u16_le(1);
    list.put_u16_le(16);
    list.put_u64_le(entry.size);
    list.put_u64_le(entry.compressed);
    list.put_slice(b"PK\x05\x06");
    list.put_u32_le(0);
    list.put_u16_le(1);
    list.put_u16_le(1);
    list.put_u32_le(RECORD);
    list.put_u32_le(0);
    list.put_u16_le(0);
    list
}

/// The header and the content behind it. Seeks to its beginning only, where it is.
pub(super) struct Single<R>(Chain<Cursor<Vec<u8>>, R>);

impl<R: AsyncBufRead + Unpin> AsyncRead for Single<R> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl<R: AsyncBufRead + Unpin> AsyncBufRead for Single<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        Pin::new(&mut self.get_mut().0).poll_fill_buf(context)
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        Pin::new(&mut self.0).consume(amount);
    }
}

impl<R: AsyncBufRead + Unpin> AsyncSeek for Single<R> {
    fn poll_seek(self: Pin<&mut Self>, _: &mut Context<'_>, to: SeekFrom) -> Poll<io::Result<u64>> {
        let (header, _) = self.0.get_ref();
        let stays = to == SeekFrom::Start(0) && header.position() == 0;
        Poll::Ready(if stays { Ok(0) } else { Err(io::ErrorKind::Unsupported.into()) })
    }
}

/// The error of the body underneath, if it was that; else the content is to blame.
pub(super) fn cause(error: ZipError) -> io::Error {
    match error {
        ZipError::UpstreamReadError(cause) => cause,
        own => io::Error::new(io::ErrorKind::InvalidData, own),
    }
}
