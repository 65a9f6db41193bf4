"""Tuning thresholds: exact, by grid, by Optuna."""
