"""What is known of a picture, and the files that say it."""
