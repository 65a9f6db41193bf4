"""What a frozen network says of every image at its cuts, computed once and kept on disk."""
