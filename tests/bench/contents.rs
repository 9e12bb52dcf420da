//! What is archived: files of random bytes, the same in a bucket and in a directory.

use std::path::Path;

/// A folder of files of one size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folder {
    /// Its hash.
    pub(crate) hash: &'static str,
    /// How many files.
    pub(crate) count: usize,
    /// Bytes of each.
    pub(crate) size: usize,
}

impl Folder {
    /// What it is called in a table.
    pub(crate) fn title(&self) -> String {
        let size = match self.size {
            size if size >= 1 << 20 => format!("{} MiB", size >> 20),
            size if size >= 1 << 10 => format!("{} KiB", size >> 10),
            size => format!("{size} B"),
        };
        format!("{} x {size}", grouped(self.count))
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        (self.count * self.size) as u64
    }

    /// The path of its archive.
    pub(crate) fn path(&self) -> String {
        format!("/archive/{}/", self.hash)
    }

    /// The key of a file, below the default prefix.
    pub(crate) fn key(&self, index: usize) -> String {
        format!("photos/{}/{}", self.hash, name(index))
    }

    /// The bytes of a file: no two alike, and none that a disk or a link could compress.
    pub(crate) fn content(&self, index: usize) -> Vec<u8> {
        let mut state = (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut words = std::iter::from_fn(|| {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            Some(state.to_le_bytes())
        });
        let mut bytes = Vec::with_capacity(self.size + 8);
        while bytes.len() < self.size {
            bytes.extend_from_slice(&words.next().expect("it never ends"));
        }
        bytes.truncate(self.size);
        bytes
    }

    /// Writes it into a directory.
    pub(crate) fn write(&self, directory: &Path) {
        let own = directory.join(self.hash);
        std::fs::create_dir_all(&own).expect("a folder is made");
        for index in 0..self.count {
            std::fs::write(own.join(name(index)), self.content(index)).expect("a file is written");
        }
    }
}

fn name(index: usize) -> String {
    format!("{index:06}.bin")
}

/// A number as people write it.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
