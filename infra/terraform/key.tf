# The key of whoever wants one of their own (encryption = "aws:kms"). As AWS's key of S3, but CloudFront can use it, too:
# whoever may read an object, a secret or a log in this account may have it decrypted by the service that keeps it.
resource "aws_kms_key" "own" {
  count = var.encryption == "aws:kms" ? 1 : 0

  description         = "Encrypts the bucket, the secret, logs and settings of ${var.name}."
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.key.json

  lifecycle {
    prevent_destroy = true
  }
}

locals {
  key_use = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*", "kms:DescribeKey"]
}

# The resource of a key's policy is the key.
data "aws_iam_policy_document" "key" {
  statement {
    sid       = "Administration"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }

  statement {
    sid       = "ThroughTheServicesThatKeepThings"
    actions   = concat(local.key_use, ["kms:CreateGrant"])
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:CallerAccount"
      values   = [local.account]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = [for service in ["s3", "lambda", "secretsmanager"] : "${service}.${var.region}.amazonaws.com"]
    }
  }

  statement {
    sid       = "Logs"
    actions   = local.key_use
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${var.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${local.partition}:logs:${var.region}:${local.account}:*"]
    }
  }

  # Which distribution it is, the bucket's policy says: a key that named it could not be made before it. CloudFront tells the
  # distribution by its ARN, which has the account in it.
  statement {
    sid       = "Cdn"
    actions   = ["kms:Decrypt"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudfront.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:cloudfront::${local.account}:distribution/*"]
    }
  }
}
