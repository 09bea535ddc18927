"""The Thinking Model: what it is trained on and how it is measured."""
