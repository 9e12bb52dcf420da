# Rights on something else than objects, by the names that functions use in `also`.
locals {
  has_databases = var.instances_subnet_group != ""
  has_ephemeral = local.has_databases && var.instances_cluster != "" && var.instances_execution_role != ""

  # Where what is named begins.
  of = {
    for service in ["rds", "elasticache", "ecs", "secretsmanager"] :
    service => "arn:${local.partition}:${service}:${var.region}:${local.account}"
  }
  cluster_arn = "${local.of.ecs}:cluster/${var.instances_cluster}"

  beside = {
    # HeadBucket: is it there, and may it be reached.
    bucket = [{ actions = ["s3:ListBucket"], resources = [local.bucket_arn], conditions = [] }]
    # What was sent of an entry when an import broke off. The list knows no condition on prefixes.
    broken-uploads = [{ actions = ["s3:ListBucketMultipartUploads"], resources = [local.bucket_arn], conditions = [] }]
    # It has no resources of its own: a voice is not one. For a configuration with an engine of kind polly.
    polly     = [{ actions = ["polly:SynthesizeSpeech"], resources = ["*"], conditions = [] }]
    databases = [for statement in local.databases : statement if local.has_databases]
    ephemeral = [for statement in local.ephemeral : statement if local.has_ephemeral]
  }

  # What they may touch has a name that begins with the prefix, or was named by the operator.
  databases = [
    # A MySQL, and the parameter group with its character set.
    {
      actions = [
        "rds:AddTagsToResource",
        "rds:CreateDBInstance",
        "rds:CreateDBParameterGroup",
        "rds:DeleteDBInstance",
        "rds:DeleteDBParameterGroup",
        "rds:DescribeDBInstances",
        "rds:DescribeDBParameters",
        "rds:ModifyDBInstance",
        "rds:ModifyDBParameterGroup",
        "rds:RebootDBInstance",
        "rds:StartDBInstance",
      ]
      resources  = ["${local.of.rds}:db:${var.instances_prefix}-*", "${local.of.rds}:pg:${var.instances_prefix}-*"]
      conditions = []
    },
    # Into what it is put; nobody makes an option group.
    {
      actions    = ["rds:CreateDBInstance"]
      resources  = ["${local.of.rds}:subgrp:${var.instances_subnet_group}", "${local.of.rds}:og:default:*"]
      conditions = []
    },
    # A Redis: a replication group, whose members are clusters.
    {
      actions = [
        "elasticache:AddTagsToResource",
        "elasticache:CreateReplicationGroup",
        "elasticache:DeleteReplicationGroup",
        "elasticache:DescribeReplicationGroups",
        "elasticache:ModifyReplicationGroup",
      ]
      resources = [
        "${local.of.elasticache}:replicationgroup:${var.instances_prefix}-*",
        "${local.of.elasticache}:cluster:${var.instances_prefix}-*",
      ]
      conditions = []
    },
    {
      actions = ["elasticache:CreateReplicationGroup"]
      resources = [
        "${local.of.elasticache}:subnetgroup:${var.instances_subnet_group}",
        "${local.of.elasticache}:parametergroup:default.*",
      ]
      conditions = []
    },
    # The secret of each, which is made first and deleted last.
    {
      actions = [
        "secretsmanager:CreateSecret",
        "secretsmanager:DeleteSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "secretsmanager:TagResource",
      ]
      resources  = ["${local.of.secretsmanager}:secret:${var.instances_prefix}/*"]
      conditions = []
    },
    # The first database of an account makes the role by which its service works.
    {
      actions = ["iam:CreateServiceLinkedRole"]
      resources = [
        for service in ["rds", "elasticache"] :
        "arn:${local.partition}:iam::${local.account}:role/aws-service-role/${service}.amazonaws.com/*"
      ]
      conditions = [{
        test     = "StringEquals"
        variable = "iam:AWSServiceName"
        values   = ["rds.amazonaws.com", "elasticache.amazonaws.com"]
      }]
    },
  ]

  # As above, of what may lose its data: a task with a secret that its role reads.
  ephemeral = [
    {
      actions    = ["ecs:DeleteTaskDefinitions", "ecs:RegisterTaskDefinition"]
      resources  = ["${local.of.ecs}:task-definition/${var.instances_prefix}-*"]
      conditions = []
    },
    # They know no resources.
    { actions = ["ecs:DeregisterTaskDefinition", "ecs:ListTaskDefinitions"], resources = ["*"], conditions = [] },
    {
      actions    = ["ecs:RunTask"]
      resources  = ["${local.of.ecs}:task-definition/${var.instances_prefix}-*"]
      conditions = [{ test = "ArnEquals", variable = "ecs:cluster", values = [local.cluster_arn] }]
    },
    {
      actions    = ["ecs:DescribeTasks", "ecs:StopTask"]
      resources  = ["${local.of.ecs}:task/${var.instances_cluster}/*"]
      conditions = []
    },
    # Of tasks without a machine that is ours: the cluster alone tells them.
    {
      actions    = ["ecs:ListTasks"]
      resources  = ["*"]
      conditions = [{ test = "ArnEquals", variable = "ecs:cluster", values = [local.cluster_arn] }]
    },
    {
      actions    = ["ecs:TagResource"]
      resources  = ["${local.of.ecs}:task-definition/${var.instances_prefix}-*", "${local.of.ecs}:task/${var.instances_cluster}/*"]
      conditions = [{ test = "StringEquals", variable = "ecs:CreateAction", values = ["RegisterTaskDefinition", "RunTask"] }]
    },
    {
      actions    = ["iam:PassRole"]
      resources  = [var.instances_execution_role]
      conditions = [{ test = "StringEquals", variable = "iam:PassedToService", values = ["ecs-tasks.amazonaws.com"] }]
    },
  ]
}
