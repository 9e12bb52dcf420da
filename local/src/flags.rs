//! The flags of the program; most are also variables, and the flag wins.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use shared::config::{self, Config, ConfigError};

use crate::cloud;

/// Pannier: a file backend in a bucket. Serves every function on one address.
#[derive(Debug, Parser)]
#[command(name = "pannier", version, args_override_self = true)]
pub struct Flags {
    /// Where to listen; port 0 picks a free one (LISTEN)
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Folder of the embedded store and of the secrets (DATA_DIR)
    #[arg(long, value_name = "DIR", default_value = "./data")]
    pub data: PathBuf,

    /// Also serve the embedded store's S3 API there (STORE_LISTEN)
    #[arg(long, value_name = "ADDR:PORT")]
    pub store_listen: Option<SocketAddr>,

    /// Use that store instead of the embedded one, with the usual AWS_* variables (S3_ENDPOINT)
    #[arg(long, value_name = "URL")]
    s3_endpoint: Option<String>,

    /// The bucket that everything lives in [default: pannier] (BUCKET)
    #[arg(long)]
    bucket: Option<String>,

    /// Serve the folders of that directory as archives, read-only (PHOTO_DIR)
    #[arg(short, long, value_name = "DIR")]
    pub path: Option<PathBuf>,

    /// Seconds to wait between the chunks of an archive, 0-60, for testing slow downloads (DELAY)
    #[arg(short, long, value_name = "SECONDS", allow_negative_numbers = true)]
    delay: Option<String>,

    /// Bytes above which an archive is put together in the bucket and handed out by the store [default: never]
    /// (ARCHIVE_ASSEMBLE)
    #[arg(long, value_name = "BYTES")]
    archive_assemble: Option<String>,

    /// Bytes above which a finished upload is handed out by the store [default: never] (DOWNLOAD_REDIRECT)
    #[arg(long, value_name = "BYTES")]
    download_redirect: Option<String>,

    /// Log warnings and errors only
    #[arg(short, long)]
    pub quiet: bool,

    /// How log lines look (LOG_FORMAT)
    #[arg(long, value_enum, default_value = "text")]
    pub log_format: LogFormat,

    /// Base of absolute links [default: what the request says] (PUBLIC_URL)
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,

    /// Let in the API keys user1, user2, user3 and the business token demo
    #[arg(long)]
    demo_users: bool,

    /// Business tokens and users [default: ./pannier.toml if it is there] (PANNIER_CONFIG)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The variables that stand for flags.
const VARIABLES: [(&str, &str); 12] = [
    ("LISTEN", "--listen"),
    ("DATA_DIR", "--data"),
    ("STORE_LISTEN", "--store-listen"),
    ("S3_ENDPOINT", "--s3-endpoint"),
    ("BUCKET", "--bucket"),
    ("PHOTO_DIR", "--path"),
    ("DELAY", "--delay"),
    ("ARCHIVE_ASSEMBLE", "--archive-assemble"),
    ("DOWNLOAD_REDIRECT", "--download-redirect"),
    ("LOG_FORMAT", "--log-format"),
    ("PUBLIC_URL", "--public-url"),
    ("PANNIER_CONFIG", "--config"),
];

/// See [`shared::log::Format`].
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    /// Readable by a person.
    Text,
    /// One JSON object a line.
    Json,
}

impl Flags {
    /// Reads the command line. A variable counts as its flag before all others, and an empty one as not set.
    pub fn read() -> Result<Self, clap::Error> {
        let mut given = std::env::args_os();
        let mut line: Vec<OsString> = given.next().into_iter().collect();
        for (variable, flag) in VARIABLES {
            line.extend(config::variable(variable).map(|value| format!("{flag}={value}").into()));
        }
        line.extend(given);
        Self::try_parse_from(line)
    }

    /// The settings that the functions have too, from flags, variables and the document.
    pub fn config(&self) -> Result<Config, ConfigError> {
        let by_itself = PathBuf::from("pannier.toml");
        let document = self.config.clone().or_else(|| by_itself.is_file().then_some(by_itself));
        let given = |name: &str| match name {
            "S3_ENDPOINT" => self.s3_endpoint.clone(),
            "BUCKET" => self.bucket.clone(),
            "DELAY" => self.delay.clone(),
            "ARCHIVE_ASSEMBLE" => self.archive_assemble.clone(),
            "DOWNLOAD_REDIRECT" => self.download_redirect.clone(),
            "PUBLIC_URL" => self.public_url.clone(),
            // The folders of a directory have no prefix.
            "ARCHIVE_PREFIX" if self.path.is_some() => Some(String::new()),
            _ => config::variable(name),
        };
        let config = Config::read(
            |name| given(name).filter(|value| !value.is_empty() || name == "ARCHIVE_PREFIX"),
            document.as_deref(),
        )?;
        Ok(Config { demo_users: self.demo_users, cloud: cloud::anywhere, ..config })
    }
}
