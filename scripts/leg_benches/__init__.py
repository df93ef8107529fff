"""What `scripts/bench-legs` measures, one table in each file."""
