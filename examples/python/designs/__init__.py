"""What server_designs measures, and how: read `servers` first, then `load`, `child`, `cell`."""
