"""What can be wrong with data before anything is trained."""
