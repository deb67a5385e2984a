"""Floor 3: what is learned, and the ansatz that builds the initial data into it."""
