"""Files of the user: written whole or not at all, read whatever their editor put in front of them."""
