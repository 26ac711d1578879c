# fetch-etl on Fargate: scheduled drains, with least privilege. deploy/ecs/template.yaml does the same with CloudFormation.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  # arn:PARTITION:sqs:REGION:ACCOUNT:NAME
  queue      = split(":", var.queue_arn)
  region     = local.queue[3]
  queue_name = local.queue[5]
  account    = data.aws_caller_identity.current.account_id
  domain     = data.aws_partition.current.dns_suffix

  environment = merge(var.environment, {
    FETCH_ETL_QUEUE       = var.queue_arn
    AWS_REGION            = local.region
    FETCH_ETL_MASKING_KEY = var.masking_key
    DATABASE_URL          = var.database_url
  })

  # The settings that contain a secret instead of a reference. Terraform prints the value of an invalid variable, so no variable is validated.
  is_reference = "^(arn:aws[a-z-]*:(secretsmanager|ssm):.+|kms:[^,]+(,kms:[^,]+)*)$"
  in_clear_text = concat(
    can(regex(local.is_reference, var.masking_key)) ? [] : ["masking_key"],
    can(regex(local.is_reference, var.database_url)) || !can(regex("://[^/?]*:.*@|[?&]password=", var.database_url)) ? [] : ["database_url"],
    can(regex(local.is_reference, lookup(var.environment, "PGPASSWORD", "kms:-"))) ? [] : ["PGPASSWORD"],
  )

  # What the variables refer to. "#field" selects a field of a secret.
  references = distinct([for value in values(local.environment) : split("#", value)[0]])
  secrets    = [for each in local.references : each if can(regex("^arn:[^:]+:secretsmanager:", each))]
  parameters = [for each in local.references : each if can(regex("^arn:[^:]+:ssm:", each))]

  # The purpose of each value that KMS encrypted, as in its encryption context.
  purposes = {
    FETCH_ETL_MASKING_KEY = "masking-key"
    DATABASE_URL          = "database-url"
    PGPASSWORD            = "database-password"
  }
  encrypted = [for name, purpose in local.purposes : purpose if startswith(lookup(local.environment, name, ""), "kms:")]

  # The services that decrypt secrets and parameters, each with its region.
  decrypting = distinct([for each in concat(local.secrets, local.parameters) : "${split(":", each)[2]}.${split(":", each)[3]}.${local.domain}"])

  # The repository of an image in ECR.
  ecr = try(regex("^([0-9]{12})\\.dkr\\.ecr\\.([a-z0-9-]+)\\.[^/]+/([^:@]+)", var.image), null)
}

resource "aws_cloudwatch_log_group" "drain" {
  name              = "/fetch-etl/${var.name}"
  retention_in_days = var.log_retention_days
}

data "aws_iam_policy_document" "assume" {
  for_each = toset(["ecs-tasks", "scheduler"])

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

# The execution role: ECS pulls the image and writes the log. It reads no secrets.
resource "aws_iam_role" "execution" {
  name               = "${var.name}-execution"
  assume_role_policy = data.aws_iam_policy_document.assume["ecs-tasks"].json
}

data "aws_iam_policy_document" "execution" {
  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.drain.arn}:*"]
  }

  dynamic "statement" {
    for_each = local.ecr == null ? [] : [local.ecr]

    content {
      sid       = "Image"
      actions   = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"]
      resources = ["arn:${data.aws_partition.current.partition}:ecr:${statement.value[1]}:${statement.value[0]}:repository/${statement.value[2]}"]
    }
  }

  dynamic "statement" {
    for_each = local.ecr == null ? [] : [local.ecr]

    content {
      sid     = "Registry"
      actions = ["ecr:GetAuthorizationToken"]
      # The only resource that this action supports.
      resources = ["*"]
    }
  }
}

resource "aws_iam_role_policy" "execution" {
  name   = "Start"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}

# The task role, with the permissions of deploy/iam. fetch-etl reads the secrets itself. So no environment contains them, and a run
# that is in progress during a rotation reads the new password.
resource "aws_iam_role" "task" {
  name               = "${var.name}-task"
  assume_role_policy = data.aws_iam_policy_document.assume["ecs-tasks"].json
}

data "aws_iam_policy_document" "task" {
  statement {
    sid = "Drain"
    actions = [
      "sqs:GetQueueUrl",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
      "sqs:DeleteMessage",
      "sqs:ChangeMessageVisibility",
    ]
    resources = [var.queue_arn]
  }

  dynamic "statement" {
    for_each = var.queue_kms_key_arn == null ? [] : [var.queue_kms_key_arn]

    content {
      sid       = "DecryptQueue"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["sqs.${local.region}.${local.domain}"]
      }
    }
  }

  dynamic "statement" {
    for_each = length(local.secrets) == 0 ? [] : [local.secrets]

    content {
      sid       = "ReadSecrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(local.parameters) == 0 ? [] : [local.parameters]

    content {
      sid       = "ReadParameters"
      actions   = ["ssm:GetParameter"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = var.secrets_kms_key_arn == null || length(local.decrypting) == 0 ? [] : [local.decrypting]

    content {
      sid       = "DecryptSecrets"
      actions   = ["kms:Decrypt"]
      resources = [var.secrets_kms_key_arn]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = statement.value
      }
    }
  }

  dynamic "statement" {
    for_each = var.secrets_kms_key_arn == null || length(local.encrypted) == 0 ? [] : [local.encrypted]

    content {
      sid       = "DecryptValues"
      actions   = ["kms:Decrypt"]
      resources = [var.secrets_kms_key_arn]

      condition {
        test     = "StringEquals"
        variable = "kms:EncryptionContext:fetch-etl"
        values   = statement.value
      }
    }
  }
}

resource "aws_iam_role_policy" "task" {
  name   = "Drain"
  role   = aws_iam_role.task.id
  policy = data.aws_iam_policy_document.task.json
}

resource "aws_ecs_task_definition" "drain" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  # One core, because a drain cannot use more.
  cpu                = 1024
  memory             = 2048
  execution_role_arn = aws_iam_role.execution.arn
  task_role_arn      = aws_iam_role.task.arn

  container_definitions = jsonencode([
    {
      name      = "drain"
      image     = var.image
      essential = true
      command   = concat(["drain", "--max-seconds", tostring(var.max_seconds), "--log-format", "emf"], var.args)
      # The image's user "node".
      user                   = "1000:1000"
      readonlyRootFilesystem = true
      linuxParameters        = { capabilities = { drop = ["ALL"] } }
      # A clean stop takes up to 35 s: the current batch is committed and deleted, and the rest returned to the queue.
      stopTimeout = 45
      environment = [for name, value in local.environment : { name = name, value = value }]
      logConfiguration = {
        logDriver = "awslogs"
        options = {
          awslogs-group         = aws_cloudwatch_log_group.drain.name
          awslogs-region        = split(":", aws_cloudwatch_log_group.drain.arn)[3]
          awslogs-stream-prefix = "fetch-etl"
        }
      }
    }
  ])

  lifecycle {
    precondition {
      condition     = length(local.in_clear_text) == 0
      error_message = "Set a reference to a secret, or a database URL without a password: ${join(", ", local.in_clear_text)}."
    }
  }
}

resource "aws_iam_role" "schedule" {
  name               = "${var.name}-schedule"
  assume_role_policy = data.aws_iam_policy_document.assume["scheduler"].json
}

data "aws_iam_policy_document" "schedule" {
  statement {
    sid       = "Run"
    actions   = ["ecs:RunTask"]
    resources = [aws_ecs_task_definition.drain.arn]

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [var.cluster_arn]
    }
  }

  statement {
    sid       = "HandOverRoles"
    actions   = ["iam:PassRole"]
    resources = [aws_iam_role.execution.arn, aws_iam_role.task.arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "schedule" {
  name   = "Run"
  role   = aws_iam_role.schedule.id
  policy = data.aws_iam_policy_document.schedule.json
}

resource "aws_scheduler_schedule" "drain" {
  name                = var.name
  schedule_expression = var.schedule
  state               = var.enabled ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = var.cluster_arn
    role_arn = aws_iam_role.schedule.arn

    ecs_parameters {
      task_definition_arn = aws_ecs_task_definition.drain.arn
      launch_type         = "FARGATE"
      task_count          = var.drains

      network_configuration {
        subnets          = var.subnet_ids
        security_groups  = var.security_group_ids
        assign_public_ip = var.assign_public_ip
      }
    }

    # For a task that could not start. If a task fails after that, the next one loads its messages.
    retry_policy {
      maximum_retry_attempts       = 2
      maximum_event_age_in_seconds = 240
    }
  }

  # Without its permissions, a run fails with exit code 2.
  depends_on = [aws_iam_role_policy.execution, aws_iam_role_policy.task, aws_iam_role_policy.schedule]
}

resource "aws_cloudwatch_metric_alarm" "age" {
  count = var.alarm_age_seconds == null ? 0 : 1

  alarm_name          = "${var.name}-age"
  alarm_description   = "Messages wait too long in ${local.queue_name}. The log of the last drain shows why."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = local.queue_name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_age_seconds
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "quarantine" {
  alarm_name          = "${var.name}-quarantine"
  alarm_description   = "Messages from ${local.queue_name} were quarantined. \"fetch-etl quarantine list\" shows why."
  namespace           = "fetch-etl"
  metric_name         = "fetch_etl_last_run_messages_quarantined"
  dimensions          = { queue = local.queue_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
}
