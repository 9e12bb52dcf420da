# Uploads in blocks, by tus and by the IETF draft; and the callbacks that tell of them.
locals {
  uploads = {
    upload-new-task = {
      says   = "A business server applies for a task."
      routes = ["POST /api/upload/new/task"]
      config = true
      secret = true
      uses   = ["uploads"]
    }

    # Bandwidth comes with memory.
    upload-block = {
      says   = "Takes a block of a file."
      routes = ["POST /api/upload/files/block"]
      memory = 1024
      secret = true
      uses   = ["uploads"]
    }

    upload-info = {
      says   = "What a task still needs."
      routes = ["GET /api/upload/files/blocks/info"]
      secret = true
      uses   = ["uploads"]
    }

    upload-state = {
      says   = "Pauses a task, lets it go on, or cancels it."
      routes = ["POST /api/upload/files/state"]
      secret = true
      uses   = ["uploads"]
    }

    # What it signs, it must be allowed itself.
    upload-presign = {
      says   = "A URL for a block that is too large for a function."
      routes = ["GET /api/upload/files/presign"]
      secret = true
      finds  = ["uploads/*"]
      reads  = ["uploads/*"]
      writes = ["uploads/*/in/*"]
    }

    upload-presign-commit = {
      says   = "Takes in a block that was put straight into the store."
      routes = ["POST /api/upload/files/presign"]
      memory = 1024
      secret = true
      uses   = ["uploads"]
    }

    tus-create = {
      says      = "Begins an upload."
      routes    = ["POST /files", "POST /files/"]
      memory    = 1024
      config    = true
      variables = { UPLOAD_EXPIRY = var.upload_expiry_seconds }
      uses      = ["uploads"]
    }

    # A POST may stand for DELETE, and a finished file goes too, wherever it lies.
    tus-patch = {
      says      = "Continues an upload."
      routes    = ["PATCH /files/{id}", "POST /files/{id}"]
      memory    = 1024
      variables = { UPLOAD_EXPIRY = var.upload_expiry_seconds }
      uses      = ["uploads"]
      deletes   = ["${var.store_prefix}*"]
    }

    tus-head = {
      says      = "How far an upload has come."
      routes    = ["HEAD /files/{id}"]
      variables = { UPLOAD_EXPIRY = var.upload_expiry_seconds }
      uses      = ["uploads"]
    }

    tus-download = {
      says      = "The file of a finished upload."
      routes    = ["GET /files/{id}"]
      door      = "stream"
      memory    = 1024
      timeout   = 900
      uses      = ["uploads"]
      variables = { DOWNLOAD_REDIRECT = var.download_redirect }
    }

    # A finished file goes too, wherever it lies.
    tus-delete = {
      says    = "Gives an upload up, or deletes its file."
      routes  = ["DELETE /files/{id}"]
      uses    = ["uploads"]
      deletes = ["${var.store_prefix}*"]
    }

    tus-options = {
      says   = "What the server can do."
      routes = ["OPTIONS /files", "OPTIONS /files/", "OPTIONS /files/{id}"]
    }

    draft-create = {
      says      = "Begins an upload."
      routes    = ["POST /resumable", "POST /resumable/"]
      memory    = 1024
      variables = { UPLOAD_EXPIRY = var.upload_expiry_seconds, APPEND_LIMIT = "4194304" }
      uses      = ["uploads"]
    }

    draft-append = {
      says      = "Continues an upload."
      routes    = ["PATCH /resumable/{id}"]
      memory    = 1024
      variables = { UPLOAD_EXPIRY = var.upload_expiry_seconds, APPEND_LIMIT = "4194304" }
      uses      = ["uploads"]
    }

    draft-head = {
      says      = "How far an upload has come."
      routes    = ["HEAD /resumable/{id}"]
      variables = { UPLOAD_EXPIRY = var.upload_expiry_seconds, APPEND_LIMIT = "4194304" }
      uses      = ["uploads"]
    }

    draft-download = {
      says      = "The file of a complete upload."
      routes    = ["GET /resumable/{id}"]
      door      = "stream"
      memory    = 1024
      timeout   = 900
      uses      = ["uploads"]
      variables = { DOWNLOAD_REDIRECT = var.download_redirect }
    }

    draft-cancel = {
      says   = "Gives an upload up, or deletes its file."
      routes = ["DELETE /resumable/{id}"]
      uses   = ["uploads"]
    }

    draft-options = {
      says      = "That uploads are taken, and within which limits."
      routes    = ["OPTIONS /resumable", "OPTIONS /resumable/", "OPTIONS /resumable/{id}"]
      variables = { APPEND_LIMIT = "4194304" }
    }

    # It works on one upload for twelve minutes at most. It deletes the file of one that was deleted, where whoever deleted
    # it did not live to do it.
    tend-uploads = {
      says      = "Finishes uploads that were handed over, expires those that stand still, removes what is over."
      memory    = 512
      timeout   = 900
      queue     = "handed-over"
      every     = "5 minutes"
      variables = { UPLOAD_EXPIRY = var.upload_expiry_seconds }
      uses      = ["uploads"]
      deletes   = ["${var.store_prefix}*"]
    }

    # A run begins no try after 30 seconds, and a try takes at most 15.
    deliver-callbacks = {
      says    = "Sends callbacks to business servers, and again until they arrive."
      timeout = 60
      queue   = "posted"
      every   = "1 minute"
      config  = true
      finds   = ["outbox/*"]
      reads   = ["outbox-dead/*", "outbox/*"]
      writes  = ["outbox-dead/*", "outbox/*"]
      deletes = ["outbox-dead/*", "outbox/*"]
    }
  }
}
