"""Learned image quality metrics as a service of their own: `python -m idiff_iqa`, in the environment of `idiff[iqa]`.

The gateway asks it where `IDIFF_IQA_URL` names it, and does without it otherwise. The metrics and their weights are for
non-commercial use: each one's licence is logged at start, listed by /info and told with every score.
"""
