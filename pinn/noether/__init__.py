"""Floor 2: from a symmetry to its current, charge and balance law, each checked on random jets."""
