"""What can be built: genes, architectures, layers.  No torch in this room."""
