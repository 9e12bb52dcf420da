# News of objects, each for the function that has its name as `queue`.
locals {
  queues = {
    stored = {
      prefix = var.archive_prefix
      suffix = ""
      batch  = 10
      lost   = "An object's checksum could not be recorded; its archive is served without ranges."
    }
    posted = {
      prefix = "outbox/"
      suffix = ""
      batch  = 10
      lost   = "News of a callback could not be handled; it goes out with the next scheduled run."
    }
    handed-over = {
      prefix = "uploads/"
      suffix = "c/handoff"
      batch  = 1
      lost   = "An upload that was handed over could not be finished; each scheduled run tries again."
    }
    spoken = {
      prefix = "speech/queue/"
      suffix = ""
      batch  = 1
      lost   = "A text could not be rendered; each scheduled run tries again."
    }
  }

  worker_of = { for name, function in local.queued : function.queue => name }
}

resource "aws_sqs_queue" "news" {
  for_each = local.queues

  name                    = "${var.name}-${each.key}"
  sqs_managed_sse_enabled = true
  # Six times the worker's timeout, as Lambda asks for.
  visibility_timeout_seconds = 6 * local.functions[local.worker_of[each.key]].timeout
  message_retention_seconds  = 345600

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters[each.key].arn
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue" "dead_letters" {
  for_each = local.queues

  name                      = "${var.name}-${each.key}-dead-letters"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 1209600
}

# The bucket, and nobody else, may write to the queues of its news.
data "aws_iam_policy_document" "news" {
  for_each = local.queues

  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.news[each.key].arn]

    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.bucket_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_sqs_queue_policy" "news" {
  for_each = local.queues

  queue_url = aws_sqs_queue.news[each.key].id
  policy    = data.aws_iam_policy_document.news[each.key].json
}

resource "aws_lambda_event_source_mapping" "news" {
  for_each = local.queued

  event_source_arn = aws_sqs_queue.news[each.value.queue].arn
  function_name    = aws_lambda_function.all[each.key].arn
  batch_size       = local.queues[each.value.queue].batch
  # Of a batch only what failed comes again.
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.workers_at_once
  }

  # Lambda looks whether the function may read the queue.
  depends_on = [aws_iam_role_policy.function]
}

resource "aws_cloudwatch_event_rule" "schedule" {
  for_each = local.scheduled

  name                = "${var.name}-${each.key}"
  description         = each.value.says
  schedule_expression = "rate(${each.value.every})"
}

resource "aws_cloudwatch_event_target" "schedule" {
  for_each = local.scheduled

  rule = aws_cloudwatch_event_rule.schedule[each.key].name
  arn  = aws_lambda_function.all[each.key].arn
}

resource "aws_lambda_permission" "schedule" {
  for_each = local.scheduled

  statement_id  = "schedule"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.all[each.key].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.schedule[each.key].arn
}
