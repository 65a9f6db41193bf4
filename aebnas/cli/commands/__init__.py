"""The commands, one file each, by what they are about."""
