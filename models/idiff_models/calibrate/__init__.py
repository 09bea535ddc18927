"""`idiff calibrate`: a release that knows how sure it may be on a customer's own pairs."""
