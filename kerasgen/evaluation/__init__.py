"""Is it any good? Judges of pictures and of what was trained on them."""
