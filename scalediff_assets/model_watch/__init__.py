"""Models watched: against each other in experiments, and against the world in drift reports."""
