"""The shape of a problem document."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class ProblemDocument(BaseModel):
    """An RFC 9457 problem; each type may add members of its own.

    Attributes:
        type: `urn:scalediff:problem:{slug}`.
        title: The same for every problem of the type.
        status: The HTTP status.
        detail: What is wrong here, with value, limit and mend.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    type: Annotated[str, Field(pattern=r"^urn:scalediff:problem:[a-z0-9-]+$")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
