"""What a family's pictures are held against."""
