# The HTTP API: whatever is neither streamed nor takes long.
locals {
  routes = merge([
    for name, function in local.behind_api : merge(
      { for route in function.routes : route => name },
      # A gateway does not add HEAD to GET of itself.
      { for route in function.routes : replace(route, "GET ", "HEAD ") => name if startswith(route, "GET ") },
    )
  ]...)
}

resource "aws_apigatewayv2_api" "http" {
  name          = var.name
  protocol_type = "HTTP"
  # No cors_configuration: the fallback answers preflight, as it does locally.
}

resource "aws_apigatewayv2_stage" "http" {
  api_id      = aws_apigatewayv2_api.http.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_burst_limit = var.request_burst
    throttling_rate_limit  = var.request_rate
  }

  # Paths only: a query may hold a capability.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.api.arn
    format = jsonencode({
      request = "$context.requestId"
      method  = "$context.httpMethod"
      path    = "$context.path"
      status  = "$context.status"
      bytes   = "$context.responseLength"
      millis  = "$context.responseLatency"
      problem = "$context.integrationErrorMessage"
    })
  }
}

resource "aws_apigatewayv2_integration" "function" {
  for_each = local.behind_api

  api_id                 = aws_apigatewayv2_api.http.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.all[each.key].invoke_arn
  payload_format_version = "2.0"
}

# Everything is open: who may do what is told by keys in requests, which the functions judge.
resource "aws_apigatewayv2_route" "function" {
  for_each = local.routes

  api_id             = aws_apigatewayv2_api.http.id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.function[each.value].id}"
  authorization_type = "NONE"
}

resource "aws_lambda_permission" "api" {
  for_each = local.behind_api

  statement_id  = "api"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.all[each.key].function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.http.execution_arn}/*"
}
