"""How a client is told no: one sentence, the machine's word, when to ask again, and a close code.

Close codes are HTTP's under WebSocket's private 4000: 4401 is 401. Codes: not-signed-in, invalid-token,
expired-token, wallet-busy, too-many-sockets, too-many-connects, full, draining, bad-message, bad-offer,
wrong-codec, picture-too-large, no-offer, silent, time-limit, not-reading, media-failed, painter-failed.
"""

from scalediff_contract.streaming import Refused


class RefusalError(Exception):
    """A client that is told no.

    Attributes:
        code: The machine's word.
        status: HTTP's number for it.
        retry_after_s: When to ask again; None where that does not help.
    """

    def __init__(
        self, code: str, message: str, *, status: int = 400, retry_after_s: float | None = None
    ) -> None:
        self.code, self.message, self.status, self.retry_after_s = code, message, status, retry_after_s
        super().__init__(message)

    @property
    def close_code(self) -> int:
        """For the WebSocket."""
        return 4000 + self.status

    def document(self) -> Refused:
        """For the client."""
        return Refused(
            message=self.message, error=self.message, code=self.code, retry_after_s=self.retry_after_s
        )
