"""Learned quality scores, from a service of their own (`idiff_iqa`): what goes over the wire, and the client."""
