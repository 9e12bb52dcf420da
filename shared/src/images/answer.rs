//! What an uploader is told.

use serde_json::{Value, json};

use super::image::{format_of, urls};
use super::publish::Published;

/// The image's links, and its token: nobody is told that again.
pub(crate) fn describe(base: &str, published: &Published) -> Value {
    let (image, token) = (&published.image, &published.token);
    let (url, thumbnail_url) = urls(base, &image.name);
    let name = &image.name;
    json!({
        "id": image.id(),
        "name": name,
        "url": url,
        "thumbnail_url": thumbnail_url,
        "width": image.width,
        "height": image.height,
        "bytes": image.bytes,
        "format": format_of(name).map(|format| format.media_type().trim_start_matches("image/")),
        "sha256": image.sha256,
        "delete_token": token,
        "delete_url": format!("{url}/delete?token={token}"),
        "markdown": format!("![{name}]({url})"),
        "html": format!("<img src=\"{url}\" alt=\"{name}\" width=\"{}\" height=\"{}\">", image.width, image.height),
        "bbcode": format!("[img]{url}[/img]"),
    })
}
