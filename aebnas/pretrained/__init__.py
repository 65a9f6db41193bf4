"""Networks that users bring: where they can be cut, and their pieces as layers."""
