"""What can go wrong in a job; each message names the thing and the mend.

JobError                 carries subject, problem, mend
├── ReleaseError         a release or a shard of it that cannot be trained on
├── CheckpointError      weights that are not what they should be
├── DivergedError        the loss is no number
├── NoSpaceError         the disk is full
└── CarlaError           an installation or a server that cannot be used
"""


class JobError(Exception):
    """A job cannot go on.

    Attributes:
        subject: What it is about.
        problem: What is wrong with it.
        mend: What helps.
    """

    def __init__(self, subject: str, problem: str, mend: str) -> None:
        self.subject, self.problem, self.mend = subject, problem, mend
        super().__init__(subject, problem, mend)

    def __str__(self) -> str:
        return f"{self.subject}: {self.problem}; {self.mend}"


class ReleaseError(JobError):
    """A release cannot be trained on."""


class CheckpointError(JobError):
    """Weights are not what they should be."""


class DivergedError(JobError):
    """The loss is no number."""


class NoSpaceError(JobError):
    """There is no space left."""


class CarlaError(JobError):
    """CARLA cannot be used."""
