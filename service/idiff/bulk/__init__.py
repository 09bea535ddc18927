"""Lists of pairs, judged by many workers: `idiff bulk`.

    list of pairs ─► parts ─► workers (`local` or `cluster`: decode, vote, explain) ─► a file a part, written here

A file is a checkpoint: it is there whole or not at all, and its part is never judged again.
"""

from typing import Literal

EngineName = Literal["ray", "local"]
"""Workers on a Ray cluster, or processes of this machine."""
