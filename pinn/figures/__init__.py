"""Pictures of solutions, scores and posteriors, drawn by matplotlib."""
