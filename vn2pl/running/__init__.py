"""Running the plan: whole runs and what they rest on, what they keep, and what they left."""
