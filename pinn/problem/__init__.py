"""Floor 1: what a user states: axes, fields, an equation, initial data, claimed symmetries."""
