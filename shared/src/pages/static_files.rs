//! What the pages load, from this program itself: nothing comes from another host.
//!
//! A page names a file with a hash of its content (`?v=`), so that a browser may keep it for good and still
//! never runs an old one.

use std::sync::LazyLock;
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LAST_MODIFIED};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::hex;
use crate::http::range::Representation;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, body};

/// `GET /static/{name}`: a file that a page loads.
pub const STATIC_FILES: Endpoint = Endpoint {
    name: "static-files",
    methods: &[Verb::Get],
    paths: &["/static/{name}"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Nothing,
    limits: Limits::READ,
    handler: |_, request| Box::pin(async move { static_file(&request) }),
};

/// To a request that names the version.
const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// To any other, which has to ask again whether it is still the same.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// A file inside this program.
#[derive(Clone, Copy)]
pub(super) enum Asset {
    /// What the scripts of the pages share.
    CommonScript,
    /// The script of the page `/`.
    HomeScript,
    /// The script of the page `/upload`.
    UploadScript,
    /// The script of the page `/images/`.
    GalleryScript,
    /// The script of the page `/speech`.
    SpeechScript,
    /// The script of the page `/instances`.
    InstancesScript,
    /// The script of the page `/files`.
    FilesScript,
    /// tus-js-client 4.3.1 for browsers, as it is published.
    TusClient,
    /// The terms of that and of what it contains.
    TusLicense,
    /// What a browser shows beside the title of every page; the frame names it.
    Icon,
}

fn static_file(request: &Request) -> Result<Reply, Error> {
    let asset = Asset::ALL.into_iter().find(|asset| asset.name() == request.param("name"));
    let asset = asset.ok_or_else(|| Error::not_found("There is no such file."))?;
    let content = Bytes::from_static(asset.content());
    let representation = Representation {
        etag: format!("\"{}\"", asset.version()),
        // A program does not know when its files were written: only the entity tag counts.
        modified: SystemTime::UNIX_EPOCH,
        dated: false,
        length: content.len() as u64,
        ranges: true,
    };
    let answer = representation.answer(&request.method, &request.headers)?;
    let mut response = representation.respond(answer, |range| body::full(slice(&content, &range)));
    let headers = response.headers_mut();
    headers.remove(LAST_MODIFIED);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type()));
    let named = request.query("v").is_some_and(|version| version == asset.version());
    headers.insert(CACHE_CONTROL, if named { FOR_GOOD } else { ASK_AGAIN });
    Ok(Reply::Raw(response))
}

/// A range of a file that is in memory, and so shorter than the address space.
fn slice(content: &Bytes, range: &std::ops::Range<u64>) -> Bytes {
    let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
    content.slice(at(range.start)..at(range.end))
}

impl Asset {
    const ALL: [Self; 10] = [
        Self::CommonScript,
        Self::HomeScript,
        Self::UploadScript,
        Self::GalleryScript,
        Self::SpeechScript,
        Self::InstancesScript,
        Self::FilesScript,
        Self::TusClient,
        Self::TusLicense,
        Self::Icon,
    ];

    /// Where a page finds it.
    pub(super) fn url(self) -> String {
        format!("/static/{}?v={}", self.name(), self.version())
    }

    fn name(self) -> &'static str {
        match self {
            Self::CommonScript => "common.js",
            Self::HomeScript => "home.js",
            Self::UploadScript => "upload.js",
            Self::GalleryScript => "gallery.js",
            Self::SpeechScript => "speech.js",
            Self::InstancesScript => "instances.js",
            Self::FilesScript => "files.js",
            Self::TusClient => "tus.min.js",
            Self::TusLicense => "tus-js-client.LICENSE.txt",
            Self::Icon => "icon.svg",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::TusLicense => "text/plain; charset=utf-8",
            Self::Icon => "image/svg+xml",
            _ => "text/javascript; charset=utf-8",
        }
    }

    fn content(self) -> &'static [u8] {
        match self {
            Self::CommonScript => include_bytes!("assets/common.js"),
            Self::HomeScript => include_bytes!("assets/home.js"),
            Self::UploadScript => include_bytes!("assets/upload.js"),
            Self::GalleryScript => include_bytes!("assets/gallery.js"),
            Self::SpeechScript => include_bytes!("assets/speech.js"),
            Self::InstancesScript => include_bytes!("assets/instances.js"),
            Self::FilesScript => include_bytes!("assets/files.js"),
            Self::TusClient => include_bytes!("assets/tus.min.js"),
            Self::TusLicense => include_bytes!("assets/tus-js-client.LICENSE.txt"),
            Self::Icon => include_bytes!("assets/icon.svg"),
        }
    }

    /// 64 bits of the content's SHA-256, in hex.
    fn version(self) -> &'static str {
        static VERSIONS: LazyLock<[String; Asset::ALL.len()]> =
            LazyLock::new(|| Asset::ALL.map(|asset| hex(&Sha256::digest(asset.content())[..8])));
        &VERSIONS[self as usize]
    }
}
