"""Models that stay loaded: the production model, a challenger, and the one before, for a rollback.

Switching to a model that is resident takes no time; loading another one lets go of the one that was
used longest ago. A model that cannot be loaded changes nothing.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable

from gpu_services.errors import JobError
from gpu_services.generation.generator import ClipGenerator
from gpu_services.generation.service.choice import ModelChoice

Load = Callable[[str], ClipGenerator]
_KEEP = 3
_log = logging.getLogger("scalediff.generation.models")


class Residents:
    """The models of a worker.

    Attributes:
        choice: The choice that is followed; None before the first model.
        error: Why the newest choice could not be followed.
        seen_number: Number of the newest choice that was tried.
    """

    def __init__(self, load: Load, keep: int = _KEEP) -> None:
        self._load = load
        self._keep = keep
        self._models: OrderedDict[str, ClipGenerator] = OrderedDict()
        self.choice: ModelChoice | None = None
        self.error: str | None = None
        self.seen_number = 0

    def follow(self, choice: ModelChoice) -> bool:
        """Hold what a choice names; returns whether something changed."""
        if choice.number == self.seen_number:
            return False
        self.seen_number = choice.number
        try:
            for url in filter(None, (choice.challenger_url, choice.model_url)):
                self._hold(url)
        except JobError as error:
            self.error = str(error)
            _log.error("model not usable number=%d error=%s", choice.number, error)
            return True
        self.choice, self.error = choice, None
        _log.info("model in force number=%d version=%s", choice.number, self.version)
        return True

    def model(self, arm: str) -> ClipGenerator:
        """The model of an arm; a choice must be in force."""
        if self.choice is None:
            raise JobError("worker", "it holds no model", "choose one by /admin/reload or --model")
        return self._models[self.choice.url_of(arm)]

    @property
    def version(self) -> str | None:
        """Of the production model."""
        return None if self.choice is None else self._models[self.choice.model_url].version

    def _hold(self, url: str) -> None:
        if url not in self._models:
            self._models[url] = self._load(url)
        self._models.move_to_end(url)
        in_force = set() if self.choice is None else {self.choice.model_url, self.choice.challenger_url}
        for old in list(self._models):
            if len(self._models) > self._keep and old != url and old not in in_force:
                del self._models[old]
