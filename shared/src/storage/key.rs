//! Every key there is.
//!
//! | key | object |
//! |---|---|
//! | `{ARCHIVE_PREFIX}{folder}/...` | the users' objects, served as archives |
//! | `imports/{folder}` | an import under way: whoever finds it an hour old takes the folder away |
//! | `imports-of/{version id}` | which folder one version of an upload is imported into |
//! | `crc32/{folder}/{key id}.{version id}.{crc32}` | empty; its name records the CRC-32 of one version of an object |
//! | `assembled/{folder}/{entity tag}.{id}.zip` | an archive put together in the bucket; a day old it is deleted |
//! | `assemblies/{folder}` | the work on one |
//! | `uploads/...`, `upload-names/...`, `files/...` | uploads: see [`super::upload_key`] |
//! | `images/...`, `image-state/...` | images: see [`super::image_key`] |
//! | `audio/...`, `speech/...` | speech: see [`super::speech_key`] |
//! | `instances/...`, `quota/...`, `ports/...`, `instance-site` | database instances: see [`super::instance_key`] |
//! | `outbox/{id}` | a callback that is still to be delivered |
//! | `outbox-dead/{id}` | one that was given up |
//! | `selftest/{nonce}` | lives for the moment of the start-up self-test |

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::image_key::ImageKey;
use super::instance_key::InstanceKey;
use super::speech_key::SpeechKey;
use super::upload_key::UploadKey;

/// The first segments of keys that no caller may choose: what lies there is ours.
const OWN: [&str; 19] = [
    "crc32",
    "assembled",
    "assemblies",
    "uploads",
    "upload-names",
    "files",
    "images",
    "image-state",
    "audio",
    "speech",
    "instances",
    "quota",
    "ports",
    "instance-site",
    "outbox",
    "outbox-dead",
    "imports",
    "imports-of",
    "selftest",
];

/// Whether a key lies where only we write.
pub fn is_own(key: &str) -> bool {
    key.split('/').next().is_some_and(|first| OWN.contains(&first))
}

/// The key of an object, or a prefix of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// A key that a listing or an event told us.
    Listed(&'a str),
    /// Prefix: every object of an archive.
    ArchiveFolder {
        /// `ARCHIVE_PREFIX`
        prefix: &'a str,
        /// The archive's hash.
        folder: &'a str,
    },
    /// One of them.
    ArchiveObject {
        /// `ARCHIVE_PREFIX`
        prefix: &'a str,
        /// The archive's hash.
        folder: &'a str,
        /// The entry's name: what is below the folder.
        name: &'a str,
    },
    /// The record of an import that is under way into this folder.
    Import(&'a str),
    /// Prefix: every import under way.
    Imports,
    /// Which folder an upload is imported into: that of this content.
    ImportOf(VersionId),
    /// Prefix: every recorded CRC-32 of an archive.
    Crc32Folder(&'a str),
    /// Prefix: every recorded CRC-32 of one key, whatever its version.
    Crc32Versions {
        /// The archive's hash.
        folder: &'a str,
        /// Of the object.
        key: KeyId,
    },
    /// The record of one CRC-32.
    Crc32 {
        /// The archive's hash.
        folder: &'a str,
        /// Of the object.
        key: KeyId,
        /// Of this content of it.
        version: VersionId,
        /// The checksum itself.
        crc32: u32,
    },
    /// An archive that was put together in the bucket.
    Assembled {
        /// Its hash.
        folder: &'a str,
        /// Its entity tag, without the quotes.
        etag: &'a str,
        /// Makes the key new each time.
        id: &'a str,
    },
    /// Prefix: the same archive, whenever it was put together.
    AssembledOf {
        /// Its hash.
        folder: &'a str,
        /// Its entity tag, without the quotes.
        etag: &'a str,
    },
    /// Prefix: every archive that was put together.
    AssembledAll,
    /// The work on an archive that is being put together, by its hash.
    Assembly(&'a str),
    /// Prefix: all such work.
    Assemblies,
    /// An object of an upload, or a prefix of its objects.
    Upload(UploadKey<'a>),
    /// Prefix: all uploads.
    Uploads,
    /// Which upload a client means that applies again for the same.
    UploadName {
        /// What a client means: a digest of it.
        name: &'a str,
        /// Counts the uploads that it has meant; `None` is the prefix of all of them.
        seq: Option<u32>,
    },
    /// A finished file, by its upload.
    File(&'a str),
    /// An object of the images, or a prefix of them.
    Image(ImageKey<'a>),
    /// An object of speech, or a prefix of them.
    Speech(SpeechKey<'a>),
    /// An object of the instances, or a prefix of them.
    Instance(InstanceKey<'a>),
    /// Prefix: every callback that is still to be delivered.
    OutboxFolder,
    /// A callback that is still to be delivered.
    Outbox(&'a str),
    /// A callback that was given up.
    OutboxDead(&'a str),
    /// The self-test's object.
    SelfTest(&'a str),
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listed(key) => f.write_str(key),
            Self::ArchiveFolder { prefix, folder } => write!(f, "{prefix}{folder}/"),
            Self::ArchiveObject { prefix, folder, name } => write!(f, "{prefix}{folder}/{name}"),
            Self::Import(folder) => write!(f, "imports/{folder}"),
            Self::Imports => f.write_str("imports/"),
            Self::ImportOf(version) => write!(f, "imports-of/{}", id_text(&version.0)),
            Self::Crc32Folder(folder) => write!(f, "crc32/{folder}/"),
            Self::Crc32Versions { folder, key } => write!(f, "crc32/{folder}/{}.", id_text(&key.0)),
            Self::Crc32 { folder, key, version, crc32 } => {
                write!(f, "crc32/{folder}/{}.{}.{crc32:08x}", id_text(&key.0), id_text(&version.0))
            }
            Self::Assembled { folder, etag, id } => write!(f, "assembled/{folder}/{etag}.{id}.zip"),
            Self::AssembledOf { folder, etag } => write!(f, "assembled/{folder}/{etag}."),
            Self::AssembledAll => f.write_str("assembled/"),
            Self::Assembly(folder) => write!(f, "assemblies/{folder}"),
            Self::Assemblies => f.write_str("assemblies/"),
            Self::Upload(key) => key.fmt(f),
            Self::Uploads => f.write_str("uploads/"),
            Self::UploadName { name, seq: None } => write!(f, "upload-names/{name}/"),
            Self::UploadName { name, seq: Some(seq) } => write!(f, "upload-names/{name}/{seq:06}"),
            Self::File(id) => write!(f, "files/{id}"),
            Self::Image(key) => key.fmt(f),
            Self::Speech(key) => key.fmt(f),
            Self::Instance(key) => key.fmt(f),
            Self::OutboxFolder => f.write_str("outbox/"),
            Self::Outbox(id) => write!(f, "outbox/{id}"),
            Self::OutboxDead(id) => write!(f, "outbox-dead/{id}"),
            Self::SelfTest(nonce) => write!(f, "selftest/{nonce}"),
        }
    }
}

/// Stands for an object's key in another key, whatever characters it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 16]);

impl KeyId {
    /// The identifier of a key.
    pub fn of(key: &str) -> Self {
        Self(id(&[key.as_bytes()]))
    }
}

/// Stands for one content of one object: another key, ETag or size is another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VersionId([u8; 16]);

impl VersionId {
    /// The identifier of what a listing shows of an object. `etag` with or without its quotes.
    pub fn of(key: &str, etag: &str, size: u64) -> Self {
        Self(id(&[key.as_bytes(), &[0], etag.trim_matches('"').as_bytes(), &[0], &size.to_le_bytes()]))
    }
}

/// Reads a [`Key::Crc32`] back; `None` for anything else.
pub fn parse_crc32(key: &str) -> Option<(VersionId, u32)> {
    let name = key.strip_prefix("crc32/")?.rsplit('/').next()?;
    let mut parts = name.split('.').skip(1);
    let (version, crc32) = (parts.next()?, parts.next()?);
    let version = URL_SAFE_NO_PAD.decode(version).ok()?.try_into().ok()?;
    Some((VersionId(version), u32::from_str_radix(crc32, 16).ok()?))
}

/// Reads a [`Key::Import`] back: the folder; `None` for anything else.
pub fn parse_import(key: &str) -> Option<&str> {
    key.strip_prefix("imports/").filter(|folder| !folder.is_empty() && !folder.contains('/'))
}

/// Reads a [`Key::Assembly`] back: the folder; `None` for anything else.
pub fn parse_assembly(key: &str) -> Option<&str> {
    key.strip_prefix("assemblies/").filter(|folder| !folder.is_empty() && !folder.contains('/'))
}

fn id_text(id: &[u8; 16]) -> String {
    URL_SAFE_NO_PAD.encode(id)
}

/// 128 bits of SHA-256: nobody finds two objects that share one.
fn id(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    let digest: [u8; 32] = hash.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    id
}

#[cfg(test)]
mod tests {
    use super::{ImageKey, InstanceKey, Key, KeyId, SpeechKey, VersionId, is_own, parse_assembly, parse_crc32};

    #[test]
    fn what_is_ours_is_known_as_such() {
        let (key, version) = (KeyId::of("k"), VersionId::of("k", "e", 1));
        let own = [
            Key::Crc32 { folder: "f", key, version, crc32: 1 },
            Key::AssembledAll,
            Key::Assemblies,
            Key::Uploads,
            Key::UploadName { name: "n", seq: Some(1) },
            Key::File("f"),
            Key::Image(ImageKey::Published("i")),
            Key::Image(ImageKey::Attempts),
            Key::Speech(SpeechKey::Tracks),
            Key::Speech(SpeechKey::Queue),
            Key::Instance(InstanceKey::All),
            Key::Instance(InstanceKey::AllSlots),
            Key::Instance(InstanceKey::AllPorts),
            Key::Instance(InstanceKey::Site),
            Key::Outbox("o"),
            Key::OutboxDead("o"),
            Key::Import("i"),
            Key::ImportOf(version),
            Key::SelfTest("s"),
        ];
        assert!(own.iter().all(|key| is_own(&key.to_string())));
        assert!(!is_own("photos/f/a") && !is_own("filesystem/a") && !is_own("a/files/b"));
    }

    #[test]
    fn what_is_put_together_is_found_by_its_tag() {
        let (folder, etag) = ("f", "e");
        let object = Key::Assembled { folder, etag, id: "i" }.to_string();
        assert!(object.starts_with(&Key::AssembledOf { folder, etag }.to_string()));
        assert!(object.starts_with(&Key::AssembledAll.to_string()));
        assert_eq!(parse_assembly(&Key::Assembly("f").to_string()), Some("f"));
        assert_eq!(parse_assembly("assemblies/"), None);
    }

    #[test]
    fn a_recorded_crc_reads_back() {
        let object = "photos/f/a b/é.jpg";
        let (key, version) = (KeyId::of(object), VersionId::of(object, "\"abc\"", 7));
        let record = Key::Crc32 { folder: "f", key, version, crc32: 0x00c0_ffee }.to_string();
        assert!(record.starts_with(&Key::Crc32Versions { folder: "f", key }.to_string()));
        assert_eq!(parse_crc32(&record), Some((VersionId::of(object, "abc", 7), 0x00c0_ffee)));
        assert_ne!(version, VersionId::of(object, "abc", 8));
        assert_eq!(parse_crc32("crc32/f/what.ever"), None);
    }
}
