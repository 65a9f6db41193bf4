"""Exit branches, each trained once on kept features and filed under everything that decides it."""
