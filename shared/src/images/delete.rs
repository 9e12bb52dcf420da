//! `DELETE /images/{name}`: by whoever holds a token.

use http::Response;
use http::StatusCode;

use super::attempt::{Attempt, Held};
use super::image::{format_of, missing};
use crate::app::App;
use crate::error::{Error, Kind};
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, body, detached};
use crate::log::{self, Outcome};
use crate::sha256;
use crate::storage::{Bucket, ImageKey, Key};

/// Uses up a token; the image goes with the last one.
pub const DELETE: Endpoint = Endpoint {
    name: "image-delete",
    methods: &[Verb::Delete],
    paths: &["/images/{name}", "/images/{name}/delete"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Store,
    limits: Limits::READ,
    handler: |app, request| Box::pin(delete(app, request)),
};

/// The longest token that is looked at, in bytes.
const TOKEN_LIMIT: usize = 128;

async fn delete(app: &App, request: Request) -> Result<Reply, Error> {
    let token = request.header("x-delete-token").map(str::to_owned).or_else(|| request.query("token"));
    use_token(app, request.param("name"), &token.unwrap_or_default()).await?;
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(Reply::Raw(response))
}

/// Takes a token for the image of that name, and the image if it was the last.
///
/// # Errors
/// 404 if there is no such image, 403 if the token is not one of its.
pub async fn use_token(app: &App, name: &str, token: &str) -> Result<(), Error> {
    let bucket = app.storage()?.main.clone();
    let (name, token) = (name.to_owned(), token.to_owned());
    // A deletion that was begun is finished, whoever waits for it.
    detached("delete an image", async move {
        let deleted = try_use(&bucket, &name, &token).await;
        match &deleted {
            Ok(()) => log::action(Outcome::Success, &format!("image {name} deleted.")),
            Err(error) => log::action(
                Outcome::Error,
                &format!("{} ({}).", error.message().trim_end_matches('.'), log::shown(&name)),
            ),
        }
        deleted
    })
    .await
}

/// 404 unless there is an image of that name.
pub async fn look_for(bucket: &Bucket, name: &str) -> Result<(), Error> {
    format_of(name).ok_or_else(missing)?;
    let published = bucket.head(&Key::Image(ImageKey::Published(name))).await?;
    published.map(drop).ok_or_else(missing)
}

async fn try_use(bucket: &Bucket, name: &str, token: &str) -> Result<(), Error> {
    look_for(bucket, name).await?;
    let refused = || Error::new(Kind::Forbidden, "The delete token is missing or wrong.");
    if token.is_empty() || token.len() > TOKEN_LIMIT {
        return Err(refused());
    }
    let digest = sha256(token.as_bytes());
    let held = bucket.read::<Held>(&Key::Image(ImageKey::Token { name, digest: &digest })).await?;
    Attempt::Token(held.ok_or_else(refused)?.value).begin(bucket).await?.undo().await
}
