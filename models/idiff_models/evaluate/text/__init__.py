"""How near a rationale's words are to the experts', and how little that says without looking at the photographs."""
