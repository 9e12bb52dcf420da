//! An independent reader, for tests that ask what an archive holds.

use bytes::Bytes;
use rc_zip_sync::ReadZip;

/// Names and contents, in the order of the archive. The reader checks every CRC-32.
pub(crate) fn entries(archive: &Bytes) -> Vec<(String, Bytes)> {
    let archive: &[u8] = archive;
    let archive = archive.read_zip().expect("rc-zip reads it");
    archive.entries().map(|entry| (entry.name.clone(), entry.bytes().expect("an entry's content").into())).collect()
}
