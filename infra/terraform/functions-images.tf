# Images: checked, cleaned, published, fetched, deleted.
locals {
  images = {
    # 40 Mpx take up to 370 MB while they are decoded; the processor comes with memory.
    image-upload = {
      says   = "Checks, cleans and publishes images."
      routes = ["POST /api/upload", "POST /api/upload/"]
      memory = 1769
      uses   = ["images"]
    }

    # A variant is made here when it is asked for first; the widest of a GIF of 40 Mpx takes 580 MB. Before it comes the
    # record that it is under way.
    image-download = {
      says    = "An image, or a variant of it."
      routes  = ["GET /images/{name}"]
      door    = "stream"
      memory  = 1024
      finds   = ["image-state/attempts/*", "image-state/variants/*", "images/*"]
      reads   = ["image-state/attempts/*", "image-state/variants/*", "images/*"]
      writes  = ["image-state/attempts/*", "image-state/variants/*"]
      deletes = ["image-state/attempts/*", "image-state/variants/*"]
    }

    image-list = {
      says      = "The catalogue of images."
      routes    = ["GET /api/images"]
      variables = { IMAGE_CATALOGUE = var.image_catalogue }
      lists     = ["image-state/lines/*"]
    }

    image-delete = {
      says   = "Uses up a delete token."
      routes = ["DELETE /images/{name}", "DELETE /images/{name}/delete"]
      uses   = ["images"]
    }

    image-presign = {
      says   = "A form that sends an image straight to the bucket."
      routes = ["POST /api/images/presign"]
      writes = ["image-state/incoming/*"]
    }

    # As image-upload.
    image-confirm = {
      says   = "Checks and publishes what came straight to the bucket."
      routes = ["POST /api/images/confirm"]
      memory = 1769
      uses   = ["images"]
    }

    sharex = {
      says   = "A custom uploader for ShareX."
      routes = ["GET /sharex.sxcu"]
    }

    sweep-images = {
      says    = "Finishes what was cut short of images."
      timeout = 900
      every   = "1 hour"
      uses    = ["images"]
    }
  }
}
