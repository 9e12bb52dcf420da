# Each function has a role of its own, with what it says and no more. Its rights on the bucket are lists of keys:
#
#   finds      ListBucket below these prefixes, and 404 instead of 403 for what is not there. S3 tells the two apart only
#              for those who may list, and a GetObject names no prefix: the price is that it may list the whole bucket
#   lists      ListBucket below these prefixes
#   reads      GetObject; writes: PutObject; deletes: DeleteObject; aborts: AbortMultipartUpload; parts: ListMultipartUploadParts
#   asks       GetObjectAttributes: the checksums of an object's parts, of which its own is put together. It takes `reads`, too
#   uses       the rights of a whole job, where any call may have to finish what another one began
#   also       rights on something else than objects
locals {
  shared = {
    # A request goes on with what another one began, and the worker with what none goes on with.
    assembling = {
      finds   = ["${var.archive_prefix}*", "crc32/*", "assembled/*", "assemblies/*"]
      reads   = ["${var.archive_prefix}*", "crc32/*", "assembled/*", "assemblies/*"]
      asks    = ["${var.archive_prefix}*"]
      writes  = ["crc32/*", "assembled/*", "assemblies/*"]
      deletes = ["assemblies/*"]
      aborts  = ["assembled/*"]
      parts   = ["assembled/*"]
    }
    # Whoever brings the last byte publishes the file: any call that can be the last one needs all of it.
    uploads = {
      finds   = ["uploads/*", "upload-names/*", "outbox/*", "crc32/*", "files/*", "${var.store_prefix}*"]
      reads   = ["uploads/*", "upload-names/*", "outbox/*", "crc32/*", "files/*", "${var.store_prefix}*"]
      writes  = ["uploads/*", "upload-names/*", "outbox/*", "crc32/*", "files/*", "${var.store_prefix}*"]
      deletes = ["uploads/*", "upload-names/*", "files/*"]
      aborts  = ["files/*", "${var.store_prefix}*"]
      parts   = ["files/*", "${var.store_prefix}*"]
    }
    # An upload may have to finish or undo another one of the same picture.
    images = {
      finds   = ["images/*", "image-state/*"]
      reads   = ["images/*", "image-state/*"]
      writes  = ["images/*", "image-state/*"]
      deletes = ["images/*", "image-state/*"]
    }
    # Whoever gives a route a text may have to cancel, mend or ask again for a render, and so may who renders.
    speech = {
      finds   = ["speech/*", "audio/*"]
      reads   = ["speech/*", "audio/*"]
      asks    = ["audio/*"]
      writes  = ["speech/*", "audio/*"]
      deletes = ["speech/*", "audio/*"]
    }
    # Whoever has an instance's lease carries it on from whatever state it is in by then.
    instances = {
      finds   = ["instances/*", "quota/*", "ports/*"]
      reads   = ["instances/*", "quota/*", "ports/*", "instance-site"]
      writes  = ["instances/*", "quota/*", "ports/*", "instance-site"]
      deletes = ["instances/*", "quota/*", "ports/*"]
    }
  }

  actions = {
    reads   = "s3:GetObject"
    asks    = "s3:GetObjectAttributes"
    writes  = "s3:PutObject"
    deletes = "s3:DeleteObject"
    aborts  = "s3:AbortMultipartUpload"
    parts   = "s3:ListMultipartUploadParts"
  }

  # What a function says itself, and what the jobs that it uses say.
  rights = {
    for name, function in local.functions : name => {
      for kind in concat(["finds", "lists"], keys(local.actions)) : kind => distinct(concat(
        lookup(function, kind, []),
        flatten([for job in function.uses : lookup(local.shared[job], kind, [])]),
      ))
    }
  }
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "function" {
  for_each = local.functions

  name               = "${var.name}-${each.key}"
  description        = each.value.says
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions

  name   = "own"
  role   = aws_iam_role.function[each.key].id
  policy = data.aws_iam_policy_document.function[each.key].json
}

data "aws_iam_policy_document" "function" {
  for_each = local.functions

  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.functions.arn}:*"]
  }

  # They know no resources.
  statement {
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = {
      for test, kind in { StringLikeIfExists = "finds", StringLike = "lists" } : test => local.rights[each.key][kind]
      if length(local.rights[each.key][kind]) > 0
    }

    content {
      actions   = ["s3:ListBucket"]
      resources = [local.bucket_arn]

      condition {
        test     = statement.key
        variable = "s3:prefix"
        values   = statement.value
      }
    }
  }

  dynamic "statement" {
    for_each = {
      for kind, action in local.actions : action => local.rights[each.key][kind]
      if length(local.rights[each.key][kind]) > 0
    }

    content {
      actions   = [statement.key]
      resources = [for key in statement.value : "${local.bucket_arn}/${key}"]
    }
  }

  dynamic "statement" {
    for_each = each.value.queue == null ? [] : [each.value.queue]

    content {
      actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      resources = [aws_sqs_queue.news[statement.value].arn]
    }
  }

  dynamic "statement" {
    for_each = flatten([for name in each.value.also : local.beside[name]])

    content {
      actions   = statement.value.actions
      resources = statement.value.resources

      dynamic "condition" {
        for_each = statement.value.conditions

        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}
