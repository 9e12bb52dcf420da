# The service itself: pages, health, what answers everything else.
locals {
  pages = {
    speech-page = {
      says   = "The page of speech."
      routes = ["GET /speech", "GET /speech/"]
      config = true
      uses   = ["speech"]
    }

    speech-form = {
      says   = "A text out of a form."
      routes = ["POST /speech", "POST /speech/"]
      config = true
      uses   = ["speech"]
    }

    instances-page = {
      says   = "The page that asks for a key to databases."
      routes = ["GET /instances", "GET /instances/"]
    }

    instances-form = {
      says    = "What the page of databases sends."
      routes  = ["POST /instances", "POST /instances/"]
      timeout = 30
      config  = true
      secret  = true
      uses    = ["instances"]
      also    = ["databases", "ephemeral"]
    }

    heart-beat = {
      says   = "Says that requests arrive."
      routes = ["GET /heart_beat", "POST /heart_beat"]
    }

    # HeadBucket: is it there, and may it be reached.
    health = {
      says   = "The state of every dependency."
      routes = ["GET /health"]
      config = true
      also   = ["bucket"]
    }

    openapi = {
      says   = "The OpenAPI document."
      routes = ["GET /openapi.json"]
    }

    docs = {
      says   = "The API, readable."
      routes = ["GET /docs"]
    }

    home-page = {
      says   = "The start page."
      routes = ["GET /"]
      lists  = [var.archive_prefix, "audio/*", "files/*", "image-state/lines/*", "instances/*", "speech/lines/*"]
    }

    stats = {
      says   = "How much there is."
      routes = ["GET /api/stats"]
      lists  = [var.archive_prefix, "audio/*", "files/*", "image-state/lines/*", "instances/*", "speech/lines/*"]
    }

    upload-page = {
      says   = "The page that uploads images."
      routes = ["GET /upload"]
    }

    # As image-upload.
    upload-form = {
      says   = "Images out of a form."
      routes = ["POST /upload", "POST /upload/"]
      memory = 1769
      uses   = ["images"]
    }

    gallery-page = {
      says      = "The page that shows the catalogue of images."
      routes    = ["GET /images", "GET /images/"]
      variables = { IMAGE_CATALOGUE = var.image_catalogue }
      lists     = ["image-state/lines/*"]
    }

    image-delete-page = {
      says   = "The page behind a delete link."
      routes = ["GET /images/{name}/delete", "POST /images/{name}/delete"]
      uses   = ["images"]
    }

    # As archive-index.
    archives-page = {
      says   = "The page that shows what an archive holds."
      routes = ["GET /archives"]
      finds  = ["${var.archive_prefix}*", "crc32/*"]
      reads  = ["${var.archive_prefix}*", "crc32/*"]
      asks   = ["${var.archive_prefix}*"]
      writes = ["crc32/*"]
    }

    terms-page = {
      says   = "The terms of use."
      routes = ["GET /terms.html"]
    }

    files-page = {
      says   = "The page that uploads files."
      routes = ["GET /files"]
    }

    static-files = {
      says   = "The scripts that pages load."
      routes = ["GET /static/{name}"]
    }

    # No path and no method.
    fallback = {
      says   = "Every other path and method. 404, 405, and the answer to OPTIONS."
      routes = ["$default"]
    }
  }
}
