"""ms-swift's plugin for the tiny checkpoint: the id of the image token is built into its template, and differs here."""

import json
import os
from pathlib import Path

from swift.template.templates import qwen

config = json.loads((Path(os.environ["TINY"]) / "config.json").read_text())
qwen.Qwen2VLTemplate.image_token_id = config["image_token_id"]
