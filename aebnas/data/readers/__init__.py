"""Readers: from files of one format to images and labels."""
