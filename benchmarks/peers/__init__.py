"""Other libraries on the same problems, each in an environment of its own."""
