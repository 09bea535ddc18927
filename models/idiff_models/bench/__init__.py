"""How long the models take, and on what."""
