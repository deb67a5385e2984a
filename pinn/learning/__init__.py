"""Conservation laws inside learning itself: from layer to layer, and over training."""
