"""What candidates are measured by: each metric is one object, entered in one table."""
