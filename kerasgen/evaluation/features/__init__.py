"""Pictures -> features: what distances are measured on, and what features look like."""
