//! The digest of the first cells of an upload, carried on from one request to the next.
//!
//! Its whole state fits the name of an object: the CRC-32, and the state of the MD5 where one is to be verified.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::digest::common::hazmat::SerializableState;
use md5::{Digest as _, Md5};

use crate::hex;

/// The digest of the first `cells` cells.
#[derive(Clone, Debug)]
pub(super) struct Digest {
    /// How many cells it is of.
    pub(super) cells: u64,
    crc32: crc32fast::Hasher,
    md5: Option<Md5>,
}

impl Digest {
    /// Of nothing yet.
    pub(super) fn new(md5: bool) -> Self {
        Self { cells: 0, crc32: crc32fast::Hasher::new(), md5: md5.then(Md5::new) }
    }

    /// Takes in more bytes, in order.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.crc32.update(bytes);
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
    }

    /// The bytes so far are one cell more.
    pub(super) fn cell_done(self) -> Self {
        Self { cells: self.cells + 1, ..self }
    }

    /// The CRC-32 so far.
    pub(super) fn crc32(&self) -> u32 {
        self.crc32.clone().finalize()
    }

    /// The MD5 so far, in lower-case hex, if there is one.
    pub(super) fn md5(&self) -> Option<String> {
        self.md5.clone().map(|md5| hex(&md5.finalize()))
    }

    /// As it is in a key.
    pub(super) fn text(&self) -> String {
        let md5 = self.md5.as_ref().map(|md5| URL_SAFE_NO_PAD.encode(md5.serialize())).unwrap_or_default();
        format!("{:08x}-{md5}", self.crc32())
    }

    /// Reads it from a key; `None` if it is none, or has no MD5 where one is needed.
    pub(super) fn parse(cells: u64, text: &str, md5: bool) -> Option<Self> {
        let (crc32, state) = text.split_once('-')?;
        let crc32 = crc32fast::Hasher::new_with_initial(u32::from_str_radix(crc32, 16).ok()?);
        let md5 = if md5 {
            let bytes = URL_SAFE_NO_PAD.decode(state).ok()?;
            Some(Md5::deserialize(bytes.as_slice().try_into().ok()?).ok()?)
        } else {
            None
        };
        Some(Self { cells, crc32, md5 })
    }
}

#[cfg(test)]
mod tests {
    use super::Digest;

    #[test]
    fn it_goes_on_where_its_text_left_off() {
        let content: Vec<u8> = (0..100_000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let mut whole = Digest::new(true);
        whole.update(&content);
        for cut in [0, 1, 63, 64, 65, 4096, 99_999] {
            let mut first = Digest::new(true);
            first.update(&content[..cut]);
            let mut second = Digest::parse(7, &first.text(), true).unwrap();
            second.update(&content[cut..]);
            assert_eq!((second.md5(), second.crc32(), second.cells), (whole.md5(), whole.crc32(), 7));
        }
        assert_eq!(whole.crc32(), crc32fast::hash(&content));
        assert!(Digest::parse(1, "00000000-", true).is_none());
        assert!(Digest::parse(1, "00000000-", false).is_some());
    }
}
