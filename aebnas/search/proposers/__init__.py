"""Who proposes the next architectures."""
