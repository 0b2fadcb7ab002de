"""Pictures drawn by rule, with exact annotations: eyes, garments, scenery, smoke."""
