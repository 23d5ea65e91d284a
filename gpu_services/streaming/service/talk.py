"""A WebSocket as both dialects use it: bounded sending, readable messages, and a refusal as the last word."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from pydantic import BaseModel, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from gpu_services.streaming.service.painting_service import PaintingService
from gpu_services.streaming.service.refusals import RefusalError
from gpu_services.streaming.service.session import Visitor
from scalediff_contract.streaming import CLIENT_MESSAGE, ClientMessage

_LOG = logging.getLogger(__name__)


class Talk:
    """One client's socket."""

    def __init__(self, service: PaintingService, socket: WebSocket, visitor: Visitor) -> None:
        self.service, self.visitor = service, visitor
        self._socket = socket
        self._limits = service.settings.limits
        self._nonsense = 0

    async def say(self, message: BaseModel) -> None:
        """Send a message.

        Raises:
            RefusalError: The client does not read.
        """
        await self._bounded(self._socket.send_text(message.model_dump_json(exclude_none=True)))

    async def show(self, data: bytes) -> None:
        """Send a picture.

        Raises:
            RefusalError: The client does not read.
        """
        await self._bounded(self._socket.send_bytes(data))

    async def hear(self, *, within_s: float | None = None) -> str | bytes:
        """The next message.

        Raises:
            RefusalError: None came in time.
            WebSocketDisconnect: The client left.
        """
        try:
            async with asyncio.timeout(within_s):
                event = await self._socket.receive()
        except TimeoutError as error:
            detail = f"no offer and no picture came within {within_s:g} s; connect again"
            raise RefusalError("no-offer", detail, status=408) from error
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1006))
        text: str | None = event.get("text")
        return text if text is not None else event.get("bytes") or b""

    def understand(self, text: str) -> ClientMessage:
        """The message in a text.

        Raises:
            RefusalError: It makes no sense.
        """
        try:
            return CLIENT_MESSAGE.validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "message"
            raise RefusalError("bad-message", f"{place}: {first['msg']}") from error

    async def complain(self, refusal: RefusalError) -> None:
        """Answer nonsense and go on, a few times.

        Raises:
            RefusalError: It was once too often.
        """
        self._nonsense += 1
        if self._nonsense >= self._limits.bad_messages:
            raise refusal
        self.service.instruments.refused.labels(refusal.code).inc()
        await self.say(refusal.document())

    async def _bounded(self, sending: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(self._limits.send_s):
                await sending
        except TimeoutError as error:
            detail = f"the client reads nothing for {self._limits.send_s:g} s"
            raise RefusalError("not-reading", detail, status=408) from error


async def hold(
    service: PaintingService, socket: WebSocket, converse: Callable[[Talk], Awaitable[None]]
) -> None:
    """Let a client in, talk until one of the two ends it, and say why."""
    try:
        with service.gate.socket(socket.scope) as address:
            await socket.accept()
            visitor = service.visitor(socket.scope, address)
            await converse(Talk(service, socket, visitor))
    except RefusalError as refusal:
        service.instruments.refused.labels(refusal.code).inc()
        _LOG.info("event=refused code=%s detail=%s", refusal.code, refusal.message)
        await _part(service, socket, refusal)
    except WebSocketDisconnect:
        return


async def _part(service: PaintingService, socket: WebSocket, refusal: RefusalError) -> None:
    """Tell why and close; a client that is not there or does not read is not waited for."""
    try:
        async with asyncio.timeout(service.settings.limits.send_s):
            if socket.application_state is WebSocketState.CONNECTING:
                await socket.accept()
            await socket.send_text(refusal.document().model_dump_json(exclude_none=True))
            await socket.close(refusal.close_code, refusal.code)
    except (TimeoutError, RuntimeError, WebSocketDisconnect):
        _LOG.info("event=left-before-goodbye code=%s", refusal.code)


async def first_of(*awaitables: Awaitable[object]) -> None:
    """Run until the first is done; the others are cancelled; its exception is raised."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
