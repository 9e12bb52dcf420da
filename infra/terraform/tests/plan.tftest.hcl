# Plans all of it with nothing behind: `terraform test`, after `terraform init`, needs no account. The packages have to be there.
mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  region      = "eu-central-1"
  bucket_name = "example-pannier"
}

run "as_it_comes" {
  command = plan

  assert {
    condition     = keys(aws_lambda_function.all) == keys(local.functions) && length(aws_lambda_function.all) > 60
    error_message = "A function is not deployed."
  }

  assert {
    condition     = toset(values(local.routes)) == toset(keys(aws_apigatewayv2_integration.function))
    error_message = "A function behind the API has no route."
  }

  assert {
    condition     = aws_apigatewayv2_route.function["HEAD /health"].route_key == "HEAD /health"
    error_message = "HEAD does not come with GET."
  }

  assert {
    condition = alltrue([
      for name, url in aws_lambda_function_url.own :
      (url.invoke_mode == "RESPONSE_STREAM") == (local.functions[name].door == "stream")
    ])
    error_message = "What is streamed has to have a URL that streams."
  }

  assert {
    condition = alltrue([
      for name, function in aws_lambda_function.all :
      (function.environment[0].variables["RESPONSE_MODE"] == "stream") == (local.functions[name].door == "stream")
    ])
    error_message = "A function has to know whether it streams."
  }

  assert {
    condition = toset(["archive-import", "speech-speak"]) == toset([
      for name, url in aws_lambda_function_url.own : name if url.authorization_type == "NONE"
    ])
    error_message = "Another URL is open."
  }

  # Lambda asks for two rights of whoever calls by a URL; the second must not be good for any other call.
  assert {
    condition = length(aws_lambda_permission.open) == 4 && alltrue([
      for permission in aws_lambda_permission.open : permission.principal == "*" && (
        permission.action == "lambda:InvokeFunction" ? permission.invoked_via_function_url : permission.function_url_auth_type == "NONE"
      )
    ])
    error_message = "Anybody may call the open URLs, and nothing else."
  }

  assert {
    condition = length(aws_lambda_permission.edge) == 10 && alltrue([
      for permission in aws_lambda_permission.edge : permission.principal == "cloudfront.amazonaws.com" && (
        permission.action == "lambda:InvokeFunction" ? permission.invoked_via_function_url : permission.function_url_auth_type == "AWS_IAM"
      )
    ])
    error_message = "CloudFront may call the other URLs, and nothing else."
  }

  assert {
    condition = alltrue([
      for name, queue in aws_sqs_queue.news :
      queue.visibility_timeout_seconds == 6 * aws_lambda_function.all[local.worker_of[name]].timeout
    ])
    error_message = "A message has to stay away for six times the worker's timeout."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.errors : length(alarm.metric_query) <= 11])
    error_message = "An alarm adds up ten metrics at most."
  }

  assert {
    condition     = sum([for names in values(local.watched) : length(names)]) == length(aws_lambda_function.all)
    error_message = "Nobody hears of the errors of a function."
  }

  assert {
    condition     = length(aws_kms_key.own) + length(aws_route53_record.edge) + length(aws_budgets_budget.month) == 0
    error_message = "Nobody asked for that."
  }
}

run "with_everything" {
  command = plan

  variables {
    domain                    = "pannier.example"
    certificate_arn           = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    hosted_zone_id            = "Z1"
    encryption                = "aws:kms"
    config_layer_arn          = "arn:aws:lambda:eu-central-1:123456789012:layer:config:1"
    alarm_topic_arn           = "arn:aws:sns:eu-central-1:123456789012:alarms"
    budget_usd                = 10
    budget_email              = "someone@pannier.example"
    workers_at_once           = 50
    instances_subnet_group    = "databases"
    instances_subnets         = ["subnet-1", "subnet-2"]
    instances_security_groups = ["sg-1"]
    instances_cluster         = "databases"
    instances_execution_role  = "arn:aws:iam::123456789012:role/databases"
  }

  assert {
    condition     = length(aws_kms_key.own) == 1 && length(aws_route53_record.edge) == 2 && length(aws_budgets_budget.month) == 1
    error_message = "The key, the records or the budget are missing."
  }

  assert {
    condition     = aws_lambda_function.all["health"].environment[0].variables["PUBLIC_URL"] == "https://pannier.example"
    error_message = "Links have to have the domain."
  }

  assert {
    condition = (
      aws_lambda_function.all["health"].environment[0].variables["PANNIER_CONFIG"] == "/opt/pannier.toml"
      && length(aws_lambda_function.all["docs"].layers) == 0
    )
    error_message = "The configuration is for those that read it."
  }

  assert {
    condition = toset(["instance-create-mysql", "instance-create-redis", "instance-delete", "instance-restart",
      "instance-rotate-password", "instances-form", "reconcile-instances"]) == toset([
      for name, document in data.aws_iam_policy_document.function : name
      if anytrue([for statement in document.statement : contains(statement.actions, "rds:DeleteDBInstance")])
    ])
    error_message = "Databases are made and deleted by those functions that say so, and by no others."
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.news : mapping.scaling_config[0].maximum_concurrency == 50])
    error_message = "Workers have to keep to their number."
  }
}
