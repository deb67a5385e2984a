"""Floor 4: what to minimise (blocks of rows), how to step, and the march through time windows."""
