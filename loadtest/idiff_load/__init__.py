"""Load tests of the service: open-loop arrivals, each request timed from the moment it was due."""
