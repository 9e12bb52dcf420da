//! An independent reader, for tests that ask what an archive holds.

use async_zip::base::read::mem::ZipFileReader;
use bytes::Bytes;

/// Names and contents, in the order of the archive.
pub(crate) async fn entries(archive: &Bytes) -> Vec<(String, Bytes)> {
    let reader = ZipFileReader::new(archive.to_vec()).await.expect("async_zip reads it");
    let mut entries = Vec::new();
    for index in 0..reader.file().entries().len() {
        let name = reader.file().entries()[index].filename().as_str().expect("a UTF-8 name").to_owned();
        let mut content = Vec::new();
        let mut entry = reader.reader_with_entry(index).await.expect("an entry");
        entry.read_to_end_checked(&mut content).await.expect("its content");
        entries.push((name, content.into()));
    }
    entries
}
