"""Dialect B: JPEG pictures over the WebSocket itself, for where WebRTC does not get through.

    client: {type: prompt} on opening and on every change, then JPEG pictures as binary messages
    server: {type: ready}, then painted JPEG pictures; {type: error}

A client that sends faster than it is read waits at its own socket: nothing queues here but one picture.
"""

import asyncio
import fractions

import numpy as np
import simplejpeg
from av import VideoFrame
from starlette.websockets import WebSocket

from gpu_services.streaming.service.painting_service import PaintingService
from gpu_services.streaming.service.pictures import with_stamp
from gpu_services.streaming.service.refusals import RefusalError
from gpu_services.streaming.service.session import Session
from gpu_services.streaming.service.studio import Painted
from gpu_services.streaming.service.talk import Talk, first_of, hold
from scalediff_contract.streaming import Prompt, PromptAck, Ready, Reset

_QUALITY = 80


async def jpeg(service: PaintingService, socket: WebSocket) -> None:
    """Serve one client."""
    await hold(service, socket, _converse)


async def _converse(talk: Talk) -> None:
    async with talk.service.session(talk.visitor, "") as session:
        settings = talk.service.settings
        model = session.studio.backend.name
        await talk.say(Ready(model=model, session_id=session.key, worker=settings.worker))
        try:
            await first_of(_listen(talk, session), _show(talk, session), _watch(session))
        except RefusalError as refusal:
            session.end(refusal)
            raise


async def _listen(talk: Talk, session: Session) -> None:
    while True:
        heard = await talk.hear()
        try:
            if isinstance(heard, bytes):
                await _take(session, heard)
            else:
                await _obey(talk, session, heard)
        except RefusalError as refusal:
            if refusal.code != "bad-message":
                raise
            await talk.complain(refusal)


async def _obey(talk: Talk, session: Session, text: str) -> None:
    message = talk.understand(text)
    if isinstance(message, Prompt):
        first = session.set_prompt(message.prompt)
        await talk.say(PromptAck(prompt=message.prompt, success=True, from_out_id=first))
    elif isinstance(message, Reset):
        await session.reset()
    else:
        raise RefusalError("bad-message", f"a {message.type} here; /v1/stream speaks WebRTC")


async def _take(session: Session, data: bytes) -> None:
    if not session.wants():
        return
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        if not session.fits(width, height):
            return
        in_s = session.studio.clock_s()
        frame = await asyncio.get_running_loop().run_in_executor(None, _decoded, data)
    except ValueError as error:
        raise RefusalError("bad-message", f"a picture that is no JPEG ({error})") from error
    await session.take(frame, in_s)


async def _show(talk: Talk, session: Session) -> None:
    loop = asyncio.get_running_loop()
    while True:
        painted = await session.outbox.get()
        data = await loop.run_in_executor(None, _encoded, painted)
        session.row_of(painted)
        await talk.show(data)


async def _watch(session: Session) -> None:
    raise await asyncio.shield(session.ended)


def _decoded(data: bytes) -> VideoFrame:
    frame = VideoFrame.from_ndarray(simplejpeg.decode_jpeg(data, "RGB"), format="rgb24")
    frame.pts, frame.time_base = 0, fractions.Fraction(1, 1000)
    return frame


def _encoded(painted: Painted) -> bytes:
    rgb = with_stamp(painted.rgb, painted.source.in_id) if painted.source.is_stamped else painted.rgb
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(rgb), quality=_QUALITY, colorspace="RGB"))
