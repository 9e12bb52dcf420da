//! An instance as its owner is shown it.

use serde_json::{Value, json};
use tracing::warn;

use super::record::{Instance, Place, State};
use super::spec::{Class, Database};
use crate::app::App;
use crate::clock;
use crate::error::Error;

/// What answers say of an instance.
pub fn view(app: &App, instance: &Instance) -> Result<Value, Error> {
    let password = password(app, instance);
    let place = instance.place.clone().or_else(|| expected(app, instance));
    let mut data = json!({
        "dockerId": instance.id,
        "type": instance.spec.database.word(),
        "status": instance.state.word(),
        "host": place.as_ref().map(|place| &place.host),
        "port": place.as_ref().map(|place| place.port),
        "pwd": &password,
        "uri": place.as_ref().zip(password).map(|(place, password)| uri(&instance.spec.database, place, &password)),
        "class": match instance.spec.class {
            Class::Standard => "standard",
            Class::Ephemeral => "ephemeral",
        },
        "created_at": clock::rfc3339(instance.created)?,
        "expires_at": instance.expires.map(clock::rfc3339).transpose()?,
    });
    match &instance.spec.database {
        Database::Mysql { charset, collation } => {
            data["user"] = "root".into();
            data["charset"] = charset.as_str().into();
            data["collation"] = collation.as_str().into();
        }
        Database::Redis { memory } => data["memory"] = (*memory).into(),
    }
    if let State::Failed { reason } = &instance.state {
        data["reason"] = reason.as_str().into();
    }
    Ok(data)
}

/// One that was sealed by another secret is not told; the instance may be deleted all the same.
fn password(app: &App, instance: &Instance) -> Option<String> {
    let opened = instance.password(app);
    if let Err(error) = &opened {
        warn!(instance = instance.id, causes = error.causes(), "a password cannot be opened");
    }
    opened.ok()
}

/// Where one that is on its way will be, if that is known.
fn expected(app: &App, instance: &Instance) -> Option<Place> {
    let (host, _) = app.instances.engine.ports()?;
    Some(Place { host: host.to_owned(), port: instance.port?, tls: false })
}

/// A connection as clients take it. Passwords need no escape.
fn uri(database: &Database, place: &Place, password: &str) -> String {
    let (host, port) = (&place.host, place.port);
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    match database {
        Database::Mysql { .. } => format!("mysql://root:{password}@{host}:{port}/"),
        Database::Redis { .. } if place.tls => format!("rediss://:{password}@{host}:{port}/0"),
        Database::Redis { .. } => format!("redis://:{password}@{host}:{port}/0"),
    }
}
