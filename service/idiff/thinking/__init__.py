"""The rationale: the Thinking Model on vLLM, and the grounded rationale from measurements."""
