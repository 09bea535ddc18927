"""Every knob of the IQA service and its environment variable (`IDIFF_IQA_` + the upper-case name)."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from the environment when created, never at import."""

    model_config = SettingsConfigDict(env_prefix="IDIFF_IQA_", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on; there is no authentication.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=8002, description="Port to listen on.")
    metrics: str = Field(default="liqe,qalign,sama", description="What to score, comma-separated.")
    weights: Path = Field(default=Path("weights"), description="Folder of weight files; nothing is downloaded.")
    device: str = Field(default="cpu", description="torch device: cpu or cuda.")
    max_waiting: Annotated[int, Field(ge=0)] = Field(
        default=8, description="Requests that may wait for the one being scored; more get 503."
    )
