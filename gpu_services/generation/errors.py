"""What can go wrong with clips; all are job errors.

JobError
├── ClipDataError     clips, or a recording, that cannot be learnt from
└── GenerationError   a request that a model cannot do
"""

from gpu_services.errors import JobError


class ClipDataError(JobError):
    """Clips that cannot be used."""


class GenerationError(JobError):
    """A request that a model cannot do."""
