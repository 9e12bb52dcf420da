//! The files that bring a password into a container: they are in its own layer, which only the daemon's user reads.

use bollard::Docker as Client;
use bollard::query_parameters::UploadToContainerOptionsBuilder;
use tar::{Builder, EntryType, Header};

use super::failed;
use crate::error::Error;
use crate::instances::engine::Wanted;
use crate::instances::spec::Database;

/// The configuration of Redis.
pub(super) const REDIS: &str = "/run/secrets/redis.conf";

/// What a MySQL runs at each start, before it listens.
const MYSQL: &str = "/run/secrets/init.sql";

/// Puts an instance's file into its container, whether it runs or not.
pub(super) async fn upload(docker: &Client, wanted: &Wanted<'_>) -> Result<(), Error> {
    let (path, text) = match &wanted.spec.database {
        Database::Mysql { .. } => (MYSQL, mysql(wanted.password.0)),
        Database::Redis { memory } => (REDIS, redis(*memory, wanted.password.0)),
    };
    put(docker, wanted.id, path, &text).await
}

/// Puts a file below `/run/secrets` into a container. The server reads it as a user of its own, and nobody else is there.
pub(super) async fn put(docker: &Client, container: &str, path: &str, text: &str) -> Result<(), Error> {
    let archive = archive(path.trim_start_matches('/'), text).map_err(|cause| Error::internal("pack a file", cause))?;
    let options = UploadToContainerOptionsBuilder::default().path("/").build();
    let sent = docker.upload_to_container(container, Some(options), bollard::body_full(archive.into())).await;
    sent.map_err(failed("upload a file"))
}

/// Commands by which a tenant would reach other machines, or run code of their own; managed services do not have them either.
const FORBIDDEN: [&str; 5] = ["REPLICAOF", "SLAVEOF", "MIGRATE", "MODULE", "DEBUG"];

/// Appending is what makes data survive a restart (Redis manual, "Persistence").
fn redis(memory: u32, password: &str) -> String {
    let forbidden: String = FORBIDDEN.iter().map(|command| format!("rename-command {command} \"\"\n")).collect();
    format!(
        "requirepass {password}\nmaxmemory {memory}mb\nmaxmemory-policy noeviction\nappendonly yes\ndir /data\n{forbidden}"
    )
}

/// One statement a line, as MariaDB reads them: root is there, at every address, with this password and with every right,
/// whatever its user has made of it meanwhile.
fn mysql(password: &str) -> String {
    format!(
        "CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY '{password}';\n\
         ALTER USER 'root'@'%' IDENTIFIED BY '{password}';\n\
         ALTER USER IF EXISTS 'root'@'localhost' IDENTIFIED BY '{password}';\n\
         GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION;\n\
         ALTER USER 'root'@'%' ACCOUNT UNLOCK;\n"
    )
}

fn archive(path: &str, text: &str) -> std::io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    let mut folder = header(EntryType::Directory, 0o755, 0);
    archive.append_data(&mut folder, "run/secrets/", std::io::empty())?;
    let mut file = header(EntryType::Regular, 0o444, text.len() as u64);
    archive.append_data(&mut file, path, text.as_bytes())?;
    archive.into_inner()
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header
}
