variable "name" {
  description = "Name of the task, its roles, its log group and its schedule."
  type        = string
  default     = "fetch-etl"
}

variable "image" {
  description = "The image that the Dockerfile builds, such as 111122223333.dkr.ecr.us-east-1.amazonaws.com/fetch-etl:0.1.0."
  type        = string
}

variable "cluster_arn" {
  description = "The ECS cluster."
  type        = string
}

variable "subnet_ids" {
  description = "The subnets in which the task runs. It must reach SQS, the secrets, the registry, CloudWatch Logs and Postgres."
  type        = list(string)
}

variable "security_group_ids" {
  description = "They must allow outgoing connections to Postgres and over HTTPS. No incoming connections are needed."
  type        = list(string)
}

variable "assign_public_ip" {
  description = "True in a public subnet, without a NAT gateway or VPC endpoints for the services above."
  type        = bool
  default     = false
}

variable "queue_arn" {
  description = "The queue. If another account owns it, its policy must allow the task role."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:[^:]+$", var.queue_arn))
    error_message = "queue_arn must be the ARN of an SQS queue."
  }
}

variable "queue_kms_key_arn" {
  description = "Your own KMS key that encrypts the queue; null if there is none."
  type        = string
  default     = null
}

variable "masking_key" {
  description = "A reference to the masking key: the full ARN of a secret or parameter that contains what \"fetch-etl keygen\" prints, or what \"fetch-etl keygen --kms\" prints (kms:…)."
  type        = string
}

variable "database_url" {
  description = "A reference to the database URL: the full ARN of a secret or parameter; or a URL without a password, for an IAM login."
  type        = string
}

variable "secrets_kms_key_arn" {
  description = "Your own KMS key that encrypts the secrets or parameters, or that encrypted the masking key; null if AWS manages the key."
  type        = string
  default     = null
}

variable "environment" {
  description = "More environment variables. They must not contain secrets."
  type        = map(string)
  default     = {}
}

variable "args" {
  description = "More flags of \"fetch-etl drain\"."
  type        = list(string)
  default     = []
}

variable "schedule" {
  description = "When drains start, as an expression of EventBridge Scheduler. Two drains at once are safe."
  type        = string
  default     = "rate(5 minutes)"
}

variable "max_seconds" {
  description = "Seconds after which a drain ends, even if messages remain."
  type        = number
  default     = 240
}

variable "drains" {
  description = "How many drains to start each time."
  type        = number
  default     = 1

  validation {
    condition     = var.drains >= 1 && var.drains <= 10
    error_message = "drains must be 1 to 10."
  }
}

variable "enabled" {
  description = "False to stop starting drains."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps the log, in days."
  type        = number
  default     = 30
}

variable "alarm_age_seconds" {
  description = "Age of the oldest message in the queue, in seconds, that raises the alarm. Null for no such alarm: SQS reports the age only in the account of the queue."
  type        = number
  default     = 900
}

variable "alarm_actions" {
  description = "Whom the alarms notify, such as the ARN of an SNS topic."
  type        = list(string)
  default     = []
}
