# Archives: the ZIP of a folder, and what is recorded of its objects.
locals {
  archives = {
    # It forgets the records of what has changed or is gone.
    record-crc32 = {
      says    = "Reads a new object once and stores its CRC-32 beside it."
      memory  = 512
      timeout = 300
      queue   = "stored"
      finds   = ["${var.archive_prefix}*", "crc32/*"]
      reads   = ["${var.archive_prefix}*", "crc32/*"]
      asks    = ["${var.archive_prefix}*"]
      writes  = ["crc32/*"]
      deletes = ["crc32/*"]
    }

    # Bandwidth comes with memory; a slow client may take the whole quarter of an hour.
    archive-download = {
      says    = "The ZIP of a folder, built while it is sent."
      routes  = ["GET /archive/{hash}", "GET /archive/{hash}/"]
      door    = "stream"
      memory  = 1024
      timeout = 900
      # A large one may be assembled in the bucket.
      variables = { ARCHIVE_ASSEMBLE = var.archive_assemble }
      uses      = ["assembling"]
    }

    assemble-archives = {
      says      = "Finishes archives that were begun in the bucket, and removes those that are a day old."
      memory    = 1024
      timeout   = 900
      every     = "5 minutes"
      variables = { ARCHIVE_ASSEMBLE = var.archive_assemble }
      uses      = ["assembling"]
      deletes   = ["assembled/*"]
      also      = ["broken-uploads"]
    }

    # It records what it learns. An object that was listed may be gone when it is asked for its checksum.
    archive-index = {
      says   = "The entries of an archive and their total size."
      routes = ["GET /archive/{hash}/index.json"]
      finds  = ["${var.archive_prefix}*", "crc32/*"]
      reads  = ["${var.archive_prefix}*", "crc32/*"]
      asks   = ["${var.archive_prefix}*"]
      writes = ["crc32/*"]
    }

    # An upload is where its task said: below the prefix of the store, or among the files.
    archive-import = {
      says    = "Unpacks an uploaded ZIP into a fresh folder."
      routes  = ["POST /api/archive/import"]
      door    = "buffered"
      memory  = 1024
      timeout = 900
      secret  = true
      finds   = ["${var.archive_prefix}*", "${var.store_prefix}*", "crc32/*", "uploads/*", "files/*", "imports/*", "imports-of/*"]
      reads   = ["${var.archive_prefix}*", "${var.store_prefix}*", "crc32/*", "uploads/*", "files/*", "imports/*", "imports-of/*"]
      writes  = ["${var.archive_prefix}*", "crc32/*", "imports-of/*", "imports/*"]
      deletes = ["${var.archive_prefix}*", "crc32/*", "imports-of/*", "imports/*"]
      aborts  = ["${var.archive_prefix}*", "crc32/*", "imports-of/*", "imports/*"]
      also    = ["broken-uploads"]
    }

    sweep-imports = {
      says    = "Takes away what imports left that were given up."
      timeout = 900
      every   = "1 hour"
      lists   = ["${var.archive_prefix}*", "crc32/*", "imports/*"]
      deletes = ["${var.archive_prefix}*", "crc32/*", "imports/*"]
      aborts  = ["${var.archive_prefix}*", "crc32/*", "imports/*"]
      also    = ["broken-uploads"]
    }
  }
}
