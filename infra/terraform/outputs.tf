output "url" {
  description = "Base of everything."
  value       = "https://${var.domain == "" ? aws_cloudfront_distribution.edge.domain_name : var.domain}"
}

output "api_url" {
  description = "The HTTP API by itself, without CloudFront."
  value       = aws_apigatewayv2_api.http.api_endpoint
}

output "import_url" {
  description = "Where an import is asked for that may take longer than the two minutes that CloudFront waits."
  value       = aws_lambda_function_url.own["archive-import"].function_url
}

output "bucket" {
  value = aws_s3_bucket.store.id
}
