# What a function may say of itself, and what holds where it says nothing. The functions are in functions-*.tf.
#
#   says       one sentence
#   routes     method and path; a HEAD comes with a GET. A worker has none
#   door       api: behind the HTTP API, which hands on 10 MB of answer at most and waits for 30 s
#              stream, buffered: a URL of its own; what is sent while it is made, or takes longer
#   memory     MB; processor and bandwidth come with it
#   timeout    seconds
#   queue      whose messages it takes (queues.tf); every: how often it runs without
#   config     whether it reads the configuration; secret: whether it signs and opens
#   variables  beside those of all
#   uses, also, finds, lists, reads, asks, writes, deletes, aborts, parts    its rights (rights.tf)
locals {
  unsaid = {
    routes    = []
    door      = "api"
    memory    = 256
    timeout   = 29
    queue     = null
    every     = null
    config    = false
    secret    = false
    variables = {}
    uses      = []
    also      = []
    finds     = []
    lists     = []
    reads     = []
    asks      = []
    writes    = []
    deletes   = []
    aborts    = []
    parts     = []
  }

  functions = {
    for name, function in merge(
      local.archives, local.images, local.speech, local.uploads, local.instances, local.pages
    ) : name => merge(local.unsaid, function)
  }
  behind_api = {
    for name, function in local.functions : name => function
    if function.door == "api" && length(function.routes) > 0
  }
  behind_url = { for name, function in local.functions : name => function if function.door != "api" }
  queued     = { for name, function in local.functions : name => function if function.queue != null }
  scheduled  = { for name, function in local.functions : name => function if function.every != null }

  variables = {
    BUCKET         = var.bucket_name
    ARCHIVE_PREFIX = var.archive_prefix
    PUBLIC_URL     = var.public_url != "" || var.domain == "" ? var.public_url : "https://${var.domain}"
    CORS_ORIGINS   = join(",", var.cors_origins)
    # Of databases. Without a subnet group their engine does not answer, and everything else does.
    INSTANCES_ENGINE          = "aws"
    INSTANCES_PREFIX          = var.instances_prefix
    INSTANCES_SUBNET_GROUP    = var.instances_subnet_group
    INSTANCES_SUBNETS         = join(",", var.instances_subnets)
    INSTANCES_SECURITY_GROUPS = join(",", var.instances_security_groups)
    INSTANCES_CLUSTER         = var.instances_cluster
    INSTANCES_EXECUTION_ROLE  = var.instances_execution_role
    MYSQL_IMAGE               = var.mysql_image
    REDIS_IMAGE               = var.redis_image
    SPEECH_TEXT_LIMIT         = var.speech_text_limit
    RUST_LOG                  = "info"
    # A request is handed over as 6 MB of JSON, its body in base64.
    REQUEST_LIMIT = "4500000"
    # Gathering jitter at start takes longer than the rest of the cold start.
    AWS_LC_SYS_NO_JITTER_ENTROPY = "1"
  }
}

resource "aws_lambda_function" "all" {
  for_each = local.functions

  function_name    = "${var.name}-${each.key}"
  description      = each.value.says
  role             = aws_iam_role.function[each.key].arn
  runtime          = "provided.al2023"
  architectures    = [var.architecture]
  handler          = "bootstrap"
  filename         = "${var.packages}/${each.key}/bootstrap.zip"
  source_code_hash = filebase64sha256("${var.packages}/${each.key}/bootstrap.zip")
  memory_size      = each.value.memory
  timeout          = each.value.timeout
  kms_key_arn      = one(aws_kms_key.own[*].arn)
  layers           = each.value.config && var.config_layer_arn != "" ? [var.config_layer_arn] : []

  environment {
    variables = merge(
      local.variables,
      { RESPONSE_MODE = each.value.door == "stream" ? "stream" : "buffered" },
      each.value.config ? { PANNIER_CONFIG = var.config_layer_arn == "" ? "" : "/opt/pannier.toml" } : {},
      each.value.secret ? { PANNIER_SECRET = aws_secretsmanager_secret_version.capability.secret_string } : {},
      each.value.variables,
    )
  }

  logging_config {
    log_group  = aws_cloudwatch_log_group.functions.name
    log_format = "JSON"
  }

  tracing_config {
    mode = "Active"
  }
}

# Signs the URLs of tasks, and seals the passwords of databases: whatever happens to the rest, nobody could open what
# the bucket holds without it. 42 characters that base64 has, and the two that make 32 bytes of them.
resource "aws_secretsmanager_secret" "capability" {
  name        = "${var.name}-capability"
  description = "Makes the keys in URLs and opens stored passwords; whoever has it can do so too."
  kms_key_id  = one(aws_kms_key.own[*].arn)

  lifecycle {
    prevent_destroy = true
  }
}

data "aws_secretsmanager_random_password" "capability" {
  password_length     = 42
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret_version" "capability" {
  secret_id     = aws_secretsmanager_secret.capability.id
  secret_string = "${data.aws_secretsmanager_random_password.capability.random_password}A="

  lifecycle {
    # Another random one each time that it is read.
    ignore_changes  = [secret_string]
    prevent_destroy = true
  }
}
