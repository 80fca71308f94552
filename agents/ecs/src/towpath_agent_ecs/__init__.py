"""Towpath agent that runs flows as tasks of Amazon ECS, on EC2 or Fargate."""
