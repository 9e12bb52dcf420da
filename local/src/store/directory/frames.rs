//! The bytes of a file, for as long as it stays the same.

use std::fs::File;
use std::io;

use bytes::Bytes;

use super::stamp::Stamp;
use crate::store::stream::{FRAME_BYTES, Frames, read_at};

/// Reads an open file; an error as soon as it is not the file that was opened any more.
pub(super) struct FileFrames {
    file: File,
    stamp: Stamp,
    offset: u64,
}

impl FileFrames {
    pub(super) fn new(file: File, stamp: Stamp, offset: u64) -> Self {
        Self { file, stamp, offset }
    }
}

impl Frames for FileFrames {
    fn next(&mut self, remaining: u64) -> io::Result<Bytes> {
        let frame = read_at(&self.file, self.offset, remaining.min(FRAME_BYTES))?;
        // Looked at after the read: what was read until then belongs to the version that was opened.
        if !Stamp::of_file(&self.file.metadata()?).has_content_of(&self.stamp) {
            return Err(io::Error::other("the file was changed while it was sent"));
        }
        self.offset += frame.len() as u64;
        Ok(frame)
    }
}
