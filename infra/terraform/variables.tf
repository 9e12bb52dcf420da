variable "region" {
  description = "Where everything is."
  type        = string
}

variable "name" {
  description = "Everything that has a name begins with it."
  type        = string
  default     = "pannier"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,20}$", var.name))
    error_message = "At most 21 of a-z, 0-9 and the dash, a letter first."
  }
}

variable "packages" {
  description = "The folder with {function}/bootstrap.zip, as cargo-lambda writes it."
  type        = string
  default     = "../../target/lambda"
}

variable "architecture" {
  description = "What the packages were built for."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "arm64 or x86_64."
  }
}

variable "bucket_name" {
  description = "Made here, and not destroyed as long as it holds anything."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "3-63 of a-z, 0-9 and the dash."
  }
}

variable "archive_prefix" {
  description = "The folders below this prefix are served as archives."
  type        = string
  default     = "photos/"

  validation {
    condition     = can(regex("^([A-Za-z0-9_-]+/)+$", var.archive_prefix))
    error_message = "Path segments, each with its slash."
  }
}

variable "store_prefix" {
  description = "Every store_prefix of the configuration begins with it; uploads are published below it."
  type        = string
  default     = "business/"

  validation {
    condition     = can(regex("^([A-Za-z0-9_-]+/)+$", var.store_prefix))
    error_message = "Path segments, each with its slash."
  }
}

variable "upload_expiry_seconds" {
  description = "How long an unfinished upload may stand still before it is given up."
  type        = number
  default     = 86400

  validation {
    condition     = var.upload_expiry_seconds >= 1 && var.upload_expiry_seconds <= 31536000
    error_message = "1 second to a year."
  }
}

variable "image_catalogue" {
  description = "Whether anyone may list the images: on or off."
  type        = string
  default     = "on"

  validation {
    condition     = contains(["on", "off"], var.image_catalogue)
    error_message = "on or off."
  }
}

variable "public_url" {
  description = "Base of absolute links; empty takes it from the request."
  type        = string
  default     = ""
}

variable "domain" {
  description = "The one host name of everything; empty leaves CloudFront's own."
  type        = string
  default     = ""
}

variable "certificate_arn" {
  description = "The domain's certificate, in us-east-1; needed with a domain."
  type        = string
  default     = ""
}

variable "hosted_zone_id" {
  description = "The zone of Route 53 that gets the records of the domain; empty leaves them to you."
  type        = string
  default     = ""
}

variable "web_acl_arn" {
  description = "A web ACL of AWS WAF (scope CLOUDFRONT) in front of it all; empty is none."
  type        = string
  default     = ""
}

variable "cors_origins" {
  description = "Origins whose scripts may read answers, and send to the bucket."
  type        = list(string)
  default     = ["*"]
}

variable "encryption" {
  description = "AES256: the bucket by keys of S3; aws:kms: bucket, secret, logs and settings by a key that is made here."
  type        = string
  default     = "AES256"

  validation {
    condition     = contains(["AES256", "aws:kms"], var.encryption)
    error_message = "AES256 or aws:kms."
  }
}

variable "request_rate" {
  description = "Requests per second that the HTTP API lets through, of everyone together."
  type        = number
  default     = 1000
}

variable "request_burst" {
  description = "Requests that the HTTP API lets through at once."
  type        = number
  default     = 500
}

variable "workers_at_once" {
  description = "How many of a worker may run at once on news of its queue, 2-1000."
  type        = number
  default     = 10
}

variable "speech_text_limit" {
  description = "The most characters of a text to be spoken; empty is what the configuration says."
  type        = string
  default     = ""
}

variable "archive_assemble" {
  description = "Bytes above which an archive is put together in the bucket instead of streamed. A function streams 200 MB at most."
  type        = number
  default     = 190000000
}

variable "download_redirect" {
  description = "Bytes above which a finished upload is handed out by the bucket itself. A function streams 200 MB at most."
  type        = number
  default     = 190000000
}

variable "config_layer_arn" {
  description = "A layer with the configuration (business tokens, users) as /opt/pannier.toml; empty is none."
  type        = string
  default     = ""
}

variable "alarm_topic_arn" {
  description = "SNS topic that is told of alarms; empty shows them only."
  type        = string
  default     = ""
}

variable "budget_usd" {
  description = "Dollars a month at which budget_email is told; 0 is no budget."
  type        = number
  default     = 0
}

variable "budget_email" {
  description = "Who is told of the budget."
  type        = string
  default     = ""
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 180, 365], var.log_retention_days)
    error_message = "One of the periods that CloudWatch knows."
  }
}

variable "instances_prefix" {
  description = "The names of all databases begin with it and a dash, and of nothing else in the account."
  type        = string
  default     = "pannier"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,20}$", var.instances_prefix))
    error_message = "At most 21 of a-z, 0-9 and the dash, a letter first."
  }
}

variable "instances_subnet_group" {
  description = "The DB subnet group, and the cache subnet group, of databases; empty makes none."
  type        = string
  default     = ""
}

variable "instances_subnets" {
  description = "The subnets of ephemeral databases."
  type        = list(string)
  default     = []
}

variable "instances_security_groups" {
  description = "The security groups of every database."
  type        = list(string)
  default     = []
}

variable "instances_cluster" {
  description = "The name of the ECS cluster of ephemeral databases, which has nothing else; empty makes none."
  type        = string
  default     = ""
}

variable "instances_execution_role" {
  description = "ARN of the role by which ECS reads the secrets of ephemeral databases; empty makes none."
  type        = string
  default     = ""
}

variable "mysql_image" {
  description = "The image of an ephemeral MySQL; empty is mysql:8.0."
  type        = string
  default     = ""
}

variable "redis_image" {
  description = "The image of an ephemeral Redis; empty is redis:5.0."
  type        = string
  default     = ""
}
