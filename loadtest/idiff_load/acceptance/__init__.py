"""Whether a machine with a card keeps the service's goals: the repository's own commands, run and judged."""
