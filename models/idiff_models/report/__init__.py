"""`idiff report`: an A/B report over pairs of photos as one HTML file. `source` lists the pairs, `summary` counts the
verdicts, `page` writes them."""
