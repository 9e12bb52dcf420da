//! The flags of the program; each is also a variable, and the flag wins.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use shared::config::{self, Config, ConfigError};

/// Pannier: a file backend in a bucket. Serves every function on one address.
#[derive(Debug, Parser)]
#[command(name = "pannier", version, args_override_self = true)]
pub struct Flags {
    /// Where to listen; port 0 picks a free one
    #[arg(long, env = "LISTEN", value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Folder of the embedded store, its secrets and its logs
    #[arg(long, env = "DATA_DIR", value_name = "DIR", default_value = "./data")]
    pub data: PathBuf,

    /// Also serve the embedded store's S3 API there
    #[arg(long, env = "STORE_LISTEN", value_name = "ADDR:PORT")]
    pub store_listen: Option<SocketAddr>,

    /// Use that store instead of the embedded one, with the usual AWS_* variables
    #[arg(long, env = "S3_ENDPOINT", value_name = "URL")]
    s3_endpoint: Option<String>,

    /// The bucket that everything lives in [default: pannier]
    #[arg(long, env = "BUCKET")]
    bucket: Option<String>,

    /// Serve the folders of that directory as archives, read-only
    #[arg(short, long, env = "PHOTO_DIR", value_name = "DIR")]
    pub path: Option<PathBuf>,

    /// Seconds to wait between the chunks of an archive, 0-60, for testing slow downloads
    #[arg(short, long, env = "DELAY", value_name = "SECONDS")]
    delay: Option<String>,

    /// Log warnings and errors only
    #[arg(short, long)]
    pub quiet: bool,

    /// How log lines look
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value = "text")]
    pub log_format: LogFormat,

    /// Base of absolute links [default: what the request says]
    #[arg(long, env = "PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,

    /// Let in the API keys user1, user2, user3 and the business token demo
    #[arg(long)]
    demo_users: bool,

    /// Tokens, users, limits [default: ./pannier.toml if it is there]
    #[arg(long, env = "PANNIER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// See [`shared::log::Format`].
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    /// Readable by a person.
    Text,
    /// One JSON object a line.
    Json,
}

impl Flags {
    /// The settings that the functions have too, from flags, variables and the document.
    pub fn config(&self) -> Result<Config, ConfigError> {
        let by_itself = PathBuf::from("pannier.toml");
        let document = self.config.clone().or_else(|| by_itself.is_file().then_some(by_itself));
        let given = |name: &str| match name {
            "S3_ENDPOINT" => self.s3_endpoint.clone(),
            "BUCKET" => self.bucket.clone(),
            "DELAY" => self.delay.clone(),
            "PUBLIC_URL" => self.public_url.clone(),
            // The folders of a directory have no prefix.
            "ARCHIVE_PREFIX" if self.path.is_some() => Some(String::new()),
            _ => config::variable(name),
        };
        let config = Config::read(
            |name| given(name).filter(|value| !value.is_empty() || name == "ARCHIVE_PREFIX"),
            document.as_deref(),
        )?;
        Ok(Config { demo_users: self.demo_users, ..config })
    }
}
