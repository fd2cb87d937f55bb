"""`postroom dev`: everything postroom needs on one machine, started in order and kept running."""
