"""When to leave: exit scores, thresholds, operating curves and exit policies; numpy only."""
