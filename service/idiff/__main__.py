"""`python -m idiff`."""

from idiff.cli import main

main()
