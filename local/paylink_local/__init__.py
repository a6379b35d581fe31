"""PayLink on one machine: the functions of `template.yaml` behind a gateway, queues and schedules, without AWS."""
