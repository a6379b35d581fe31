"""What the benchmarks of the running product share: the stack, the load, and how figures are judged and told."""
