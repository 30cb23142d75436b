"""What a contributor runs and a user never sees: demo, cluster, version matrix, release."""
