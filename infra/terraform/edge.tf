# One name, three doors behind it. A small function of CloudFront's own (../router.js, which template.yaml deploys, too)
# says who answers: the HTTP API, the URL of a function, or the bucket for an image or a track as it is.
locals {
  # A URL that is only read can be reached by CloudFront alone. To sign a POST, CloudFront would ask each client for a hash
  # of its body: those are open, as the HTTP API is.
  signed_urls = {
    for name, function in local.behind_url : name => function
    if !anytrue([for route in function.routes : startswith(route, "POST ")])
  }

  # Managed by AWS, the same in every account.
  caching_disabled = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
  all_but_the_host = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
  # What a browser may keep for a year, this cache may not: an image can be deleted, and a damaged track is rendered again
  # under its name. Seconds, by what can be such a name.
  published = {
    images = { path = "/images/??????????????????????.???", seconds = 10 }
    audio  = { path = "/audio/*.mp3", seconds = 60 }
  }
  every_method = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
}

resource "aws_lambda_function_url" "own" {
  for_each = local.behind_url

  function_name      = aws_lambda_function.all[each.key].function_name
  authorization_type = contains(keys(local.signed_urls), each.key) ? "AWS_IAM" : "NONE"
  invoke_mode        = each.value.door == "stream" ? "RESPONSE_STREAM" : "BUFFERED"
}

# Lambda asks for both rights of whoever calls by a URL, and the second one is for nothing but calls by a URL: without that
# condition whoever has it could hand the function any event.
resource "aws_lambda_permission" "edge" {
  for_each = merge([
    for name in keys(local.signed_urls) : {
      for action in ["InvokeFunctionUrl", "InvokeFunction"] : "${name}-${action}" => { name = name, action = action }
    }
  ]...)

  statement_id             = "edge-${each.value.action}"
  action                   = "lambda:${each.value.action}"
  function_name            = aws_lambda_function.all[each.value.name].function_name
  principal                = "cloudfront.amazonaws.com"
  source_arn               = aws_cloudfront_distribution.edge.arn
  function_url_auth_type   = each.value.action == "InvokeFunctionUrl" ? "AWS_IAM" : null
  invoked_via_function_url = each.value.action == "InvokeFunction" ? true : null
}

# The same of anybody, for the URLs that are open. The provider adds such statements when it makes a URL, but keeps no account of
# them: what is taken away by hand would stay away.
resource "aws_lambda_permission" "open" {
  for_each = merge([
    for name in setsubtract(keys(local.behind_url), keys(local.signed_urls)) : {
      for action in ["InvokeFunctionUrl", "InvokeFunction"] : "${name}-${action}" => { name = name, action = action }
    }
  ]...)

  statement_id             = "open-${each.value.action}"
  action                   = "lambda:${each.value.action}"
  function_name            = aws_lambda_function.all[each.value.name].function_name
  principal                = "*"
  function_url_auth_type   = each.value.action == "InvokeFunctionUrl" ? "NONE" : null
  invoked_via_function_url = each.value.action == "InvokeFunction" ? true : null
}

resource "aws_cloudfront_origin_access_control" "edge" {
  for_each = toset(["s3", "lambda"])

  name                              = "${var.name}-${each.key}"
  origin_access_control_origin_type = each.key
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_function" "router" {
  name    = "${var.name}-router"
  comment = "Says who answers."
  runtime = "cloudfront-js-2.0"
  code    = file("${path.module}/../router.js")
}

resource "aws_cloudfront_cache_policy" "published" {
  for_each = local.published

  name        = "${var.name}-${each.key}"
  min_ttl     = 0
  default_ttl = each.value.seconds
  max_ttl     = each.value.seconds

  parameters_in_cache_key_and_forwarded_to_origin {
    cookies_config {
      cookie_behavior = "none"
    }

    headers_config {
      header_behavior = "none"
    }

    query_strings_config {
      query_string_behavior = "all"
    }
  }
}

# What the functions say of what is public, said of what comes from the bucket, too.
resource "aws_cloudfront_response_headers_policy" "published" {
  name = "${var.name}-published"

  cors_config {
    access_control_allow_credentials = false
    access_control_max_age_sec       = 7200
    origin_override                  = true

    access_control_allow_headers {
      items = ["*"]
    }

    access_control_allow_methods {
      items = ["GET", "HEAD", "OPTIONS", "DELETE"]
    }

    access_control_allow_origins {
      items = ["*"]
    }

    access_control_expose_headers {
      items = ["Accept-Ranges", "Content-Range", "ETag", "X-Request-Id"]
    }
  }

  security_headers_config {
    content_security_policy {
      content_security_policy = "default-src 'none'; sandbox"
      override                = true
    }

    content_type_options {
      override = true
    }

    strict_transport_security {
      access_control_max_age_sec = 31536000
      override                   = true
    }
  }
}

resource "aws_cloudfront_response_headers_policy" "other" {
  name = "${var.name}-other"

  security_headers_config {
    strict_transport_security {
      access_control_max_age_sec = 31536000
      override                   = true
    }
  }
}

resource "aws_cloudfront_distribution" "edge" {
  comment         = var.name
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  aliases         = var.domain == "" ? [] : [var.domain]
  web_acl_id      = var.web_acl_arn

  origin {
    origin_id   = "api"
    domain_name = replace(aws_apigatewayv2_api.http.api_endpoint, "https://", "")

    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
      origin_read_timeout    = 60
    }
  }

  origin {
    origin_id                = "store"
    domain_name              = aws_s3_bucket.store.bucket_regional_domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.edge["s3"].id
  }

  dynamic "origin" {
    for_each = local.behind_url

    content {
      origin_id   = origin.key
      domain_name = trim(trimprefix(aws_lambda_function_url.own[origin.key].function_url, "https:"), "/")
      origin_access_control_id = (
        contains(keys(local.signed_urls), origin.key) ? aws_cloudfront_origin_access_control.edge["lambda"].id : null
      )

      custom_origin_config {
        http_port              = 80
        https_port             = 443
        origin_protocol_policy = "https-only"
        origin_ssl_protocols   = ["TLSv1.2"]
        # The most that CloudFront waits for a byte. What takes longer has to be asked for at its own URL (outputs.tf).
        origin_read_timeout = 120
      }
    }
  }

  default_cache_behavior {
    target_origin_id         = "api"
    viewer_protocol_policy   = "redirect-to-https"
    allowed_methods          = local.every_method
    cached_methods           = ["GET", "HEAD"]
    cache_policy_id          = local.caching_disabled
    origin_request_policy_id = local.all_but_the_host
    compress                 = false

    response_headers_policy_id = aws_cloudfront_response_headers_policy.other.id

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.router.arn
    }
  }

  dynamic "ordered_cache_behavior" {
    for_each = local.published

    content {
      path_pattern               = ordered_cache_behavior.value.path
      target_origin_id           = "api"
      viewer_protocol_policy     = "redirect-to-https"
      allowed_methods            = local.every_method
      cached_methods             = ["GET", "HEAD"]
      cache_policy_id            = aws_cloudfront_cache_policy.published[ordered_cache_behavior.key].id
      origin_request_policy_id   = local.all_but_the_host
      response_headers_policy_id = aws_cloudfront_response_headers_policy.published.id
      compress                   = false

      function_association {
        event_type   = "viewer-request"
        function_arn = aws_cloudfront_function.router.arn
      }
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = var.domain == ""
    acm_certificate_arn            = var.domain == "" ? null : var.certificate_arn
    minimum_protocol_version       = var.domain == "" ? null : "TLSv1.2_2021"
    ssl_support_method             = var.domain == "" ? null : "sni-only"
  }
}

resource "aws_route53_record" "edge" {
  for_each = var.domain != "" && var.hosted_zone_id != "" ? toset(["A", "AAAA"]) : toset([])

  zone_id = var.hosted_zone_id
  name    = var.domain
  type    = each.key

  alias {
    name                   = aws_cloudfront_distribution.edge.domain_name
    zone_id                = aws_cloudfront_distribution.edge.hosted_zone_id
    evaluate_target_health = false
  }
}
