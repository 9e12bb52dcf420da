//! Whether a database answers to a password, as its users would ask it; and giving it another one.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};

/// How long one question may take.
const LIMIT: Duration = Duration::from_secs(3);

/// MySQL's codes for a wrong password (ER_ACCESS_DENIED_ERROR), for a host that may not ask at all (ER_HOST_NOT_PRIVILEGED)
/// and for a locked account (ER_ACCOUNT_HAS_BEEN_LOCKED, 4151 in MariaDB).
const REFUSED: [u16; 4] = [1045, 1130, 3118, 4151];

/// What a database says to a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It lets in.
    In,
    /// It answers, and does not let in.
    Refused,
    /// It does not answer, or not yet.
    Silent,
}

/// Whether `root` gets into a MySQL.
pub(super) async fn mysql((host, port): (&str, u16), password: &str) -> Answer {
    ask_mysql((host, port), password, "SELECT 1".to_owned()).await
}

/// Gives `root` of a MySQL another password, at whichever address it comes from. Passwords have letters and digits alone.
pub(super) async fn set_mysql((host, port): (&str, u16), password: &str, next: &str) -> Answer {
    let statement =
        format!("ALTER USER IF EXISTS 'root'@'localhost' IDENTIFIED BY '{next}', 'root'@'%' IDENTIFIED BY '{next}'");
    ask_mysql((host, port), password, statement).await
}

async fn ask_mysql((host, port): (&str, u16), password: &str, statement: String) -> Answer {
    let options = OptsBuilder::default()
        .ip_or_hostname(host.to_owned())
        .tcp_port(port)
        .user(Some("root"))
        .pass(Some(password))
        // It would look for a socket on this machine.
        .prefer_socket(false);
    let asked = async {
        let mut connection = Conn::new(options).await?;
        connection.query_drop(statement).await?;
        connection.disconnect().await
    };
    match tokio::time::timeout(LIMIT, Box::pin(asked)).await {
        Ok(Ok(())) => Answer::In,
        Ok(Err(mysql_async::Error::Server(error))) if REFUSED.contains(&error.code) => Answer::Refused,
        Ok(Err(_)) | Err(_) => Answer::Silent,
    }
}

/// Whether a Redis answers to its password.
pub(super) async fn redis((host, port): (&str, u16), password: &str) -> Answer {
    ask_redis((host, port), password, &redis::cmd("PING")).await
}

/// Gives a Redis another password, until its next start.
pub(super) async fn set_redis((host, port): (&str, u16), password: &str, next: &str) -> Answer {
    ask_redis((host, port), password, redis::cmd("CONFIG").arg("SET").arg("requirepass").arg(next)).await
}

async fn ask_redis((host, port): (&str, u16), password: &str, command: &redis::Cmd) -> Answer {
    let asked = async {
        let info = ConnectionAddr::Tcp(host.to_owned(), port).into_connection_info()?;
        let info = info.set_redis_settings(RedisConnectionInfo::default().set_password(password));
        let mut connection = redis::Client::open(info)?.get_multiplexed_async_connection().await?;
        command.exec_async(&mut connection).await
    };
    match tokio::time::timeout(LIMIT, Box::pin(asked)).await {
        Ok(Ok(())) => Answer::In,
        Ok(Err(error)) if is_refusal(&error) => Answer::Refused,
        Ok(Err(_)) | Err(_) => Answer::Silent,
    }
}

fn is_refusal(error: &redis::RedisError) -> bool {
    error.kind() == redis::ErrorKind::AuthenticationFailed || matches!(error.code(), Some("WRONGPASS" | "NOAUTH"))
}
