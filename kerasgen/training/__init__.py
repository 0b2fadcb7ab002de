"""What any family needs to learn; knows no family."""
