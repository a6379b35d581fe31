"""What `./scripts/bench` measures, a package each."""
