"""What AWS does around functions that no HTTP request calls: event source mappings and schedules."""
