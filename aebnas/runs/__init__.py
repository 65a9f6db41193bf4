"""A run on disk and what it says, read by search, report and the command line alike."""
