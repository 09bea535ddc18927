"""Training, evaluation and export of what the service loads. May import torch; `idiff` never imports this."""
