"""Does a synthetic set help? Training sets, classifiers, verdicts, the page."""
