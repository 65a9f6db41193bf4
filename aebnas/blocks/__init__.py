"""Kinds of layers: each block is one object in one file.  Torch is imported where a module is built."""
