# All state is in one bucket.
resource "aws_s3_bucket" "store" {
  bucket = var.bucket_name

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_public_access_block" "store" {
  bucket                  = aws_s3_bucket.store.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "store" {
  bucket = aws_s3_bucket.store.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "store" {
  bucket = aws_s3_bucket.store.id

  rule {
    bucket_key_enabled = var.encryption == "aws:kms"

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.encryption
      kms_master_key_id = one(aws_kms_key.own[*].arn)
    }
  }
}

# For what browsers send straight to the bucket.
resource "aws_s3_bucket_cors_configuration" "store" {
  bucket = aws_s3_bucket.store.id

  cors_rule {
    allowed_methods = ["GET", "HEAD", "PUT", "POST"]
    allowed_origins = var.cors_origins
    allowed_headers = ["*"]
    expose_headers  = ["ETag"]
    max_age_seconds = 3600
  }
}

# Tidies up only; nothing relies on it.
resource "aws_s3_bucket_lifecycle_configuration" "store" {
  bucket = aws_s3_bucket.store.id

  rule {
    id     = "abort-unfinished-multipart-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # As above: a day old they are deleted anyway.
  rule {
    id     = "forget-assembled-archives"
    status = "Enabled"

    filter {
      prefix = "assembled/"
    }

    expiration {
      days = 2
    }
  }
}

resource "aws_s3_bucket_notification" "store" {
  bucket = aws_s3_bucket.store.id

  dynamic "queue" {
    for_each = local.queues

    content {
      id            = queue.key
      queue_arn     = aws_sqs_queue.news[queue.key].arn
      events        = ["s3:ObjectCreated:*"]
      filter_prefix = queue.value.prefix
      filter_suffix = queue.value.suffix
    }
  }

  # S3 tries the destination when the notification is set.
  depends_on = [aws_sqs_queue_policy.news]
}

data "aws_iam_policy_document" "store" {
  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.bucket_arn, "${local.bucket_arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  # What everyone may fetch, and nothing else, straight from here.
  statement {
    sid       = "Published"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/images/*", "${local.bucket_arn}/audio/*"]

    principals {
      type        = "Service"
      identifiers = ["cloudfront.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudfront_distribution.edge.arn]
    }
  }
}

resource "aws_s3_bucket_policy" "store" {
  bucket = aws_s3_bucket.store.id
  policy = data.aws_iam_policy_document.store.json

  depends_on = [aws_s3_bucket_public_access_block.store]
}
