resource "aws_cloudwatch_log_group" "functions" {
  name              = "/${var.name}/functions"
  retention_in_days = var.log_retention_days
  kms_key_id        = one(aws_kms_key.own[*].arn)
}

resource "aws_cloudwatch_log_group" "api" {
  name              = "/${var.name}/api"
  retention_in_days = var.log_retention_days
  kms_key_id        = one(aws_kms_key.own[*].arn)
}

locals {
  told = var.alarm_topic_arn == "" ? [] : [var.alarm_topic_arn]

  jobs = {
    archives  = local.archives
    images    = local.images
    speech    = local.speech
    uploads   = local.uploads
    instances = local.instances
    pages     = local.pages
  }
  # An alarm adds up ten metrics at most.
  watched = merge([
    for job, functions in local.jobs : {
      for index, names in chunklist(keys(functions), 10) : (index == 0 ? job : "${job}-${index + 1}") => names
    }
  ]...)
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  for_each = local.watched

  alarm_name          = "${var.name}-errors-${each.key}"
  alarm_description   = "A function of ${each.key} crashed, ran out of time or of memory."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.told

  metric_query {
    id          = "all"
    label       = each.key
    expression  = "SUM(METRICS())"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { for index, name in each.value : "m${index}" => name }

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = "AWS/Lambda"
        metric_name = "Errors"
        dimensions  = { FunctionName = aws_lambda_function.all[metric_query.value].function_name }
        stat        = "Sum"
        period      = 300
      }
    }
  }
}

# Of the account: its limit is everybody's.
resource "aws_cloudwatch_metric_alarm" "throttles" {
  alarm_name          = "${var.name}-throttles"
  alarm_description   = "Lambda refused to run functions: the concurrency of the account is used up."
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.told
}

resource "aws_cloudwatch_metric_alarm" "api" {
  alarm_name          = "${var.name}-api-5xx"
  alarm_description   = "More than one answer in a hundred of the HTTP API said that the fault was ours."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 1
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.told

  metric_query {
    id          = "share"
    label       = "percent"
    expression  = "100 * failed / all"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { failed = "5xx", all = "Count" }

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = "AWS/ApiGateway"
        metric_name = metric_query.value
        dimensions  = { ApiId = aws_apigatewayv2_api.http.id }
        stat        = "Sum"
        period      = 300
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  for_each = local.queues

  alarm_name          = "${var.name}-${each.key}-dead-letters"
  alarm_description   = each.value.lost
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead_letters[each.key].name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.told
}

resource "aws_cloudwatch_metric_alarm" "waiting" {
  for_each = local.queues

  alarm_name          = "${var.name}-${each.key}-waiting"
  alarm_description   = "News has waited for an hour: ${local.worker_of[each.key]} does not keep up."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.news[each.key].name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 3600
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.told
}

resource "aws_cloudwatch_dashboard" "all" {
  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = concat(
      [
        for index, metric in ["Invocations", "Errors", "Duration", "ConcurrentExecutions"] : {
          type   = "metric"
          x      = 12 * (index % 2)
          y      = 6 * floor(index / 2)
          width  = 12
          height = 6
          properties = {
            title  = metric
            region = var.region
            stat   = metric == "Duration" ? "p99" : metric == "ConcurrentExecutions" ? "Maximum" : "Sum"
            period = 300
            metrics = [
              for name in keys(local.functions) : ["AWS/Lambda", metric, "FunctionName", "${var.name}-${name}"]
            ]
          }
        }
      ],
      [
        for index, metric in ["ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"] : {
          type   = "metric"
          x      = 12 * index
          y      = 12
          width  = 12
          height = 6
          properties = {
            title   = metric
            region  = var.region
            stat    = "Maximum"
            period  = 300
            metrics = [for name in keys(local.queues) : ["AWS/SQS", metric, "QueueName", "${var.name}-${name}"]]
          }
        }
      ],
    )
  })
}

resource "aws_budgets_budget" "month" {
  count = var.budget_usd > 0 && var.budget_email != "" ? 1 : 0

  name         = "${var.name}-month"
  budget_type  = "COST"
  limit_amount = var.budget_usd
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }

    content {
      comparison_operator        = "GREATER_THAN"
      notification_type          = notification.key
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = [var.budget_email]
    }
  }
}
