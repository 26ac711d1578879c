output "task_role_name" {
  description = "The role of the drain. Attach more policies to it, such as deploy/iam/rds-iam.json."
  value       = aws_iam_role.task.name
}

output "task_role_arn" {
  description = "The role of the drain, for the policy of a queue or a key in another account."
  value       = aws_iam_role.task.arn
}

output "task_definition_arn" {
  description = "For \"aws ecs run-task\", also with another command."
  value       = aws_ecs_task_definition.drain.arn
}

output "log_group_name" {
  value = aws_cloudwatch_log_group.drain.name
}
