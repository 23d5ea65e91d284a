"""Dialects A and C: offer, answer, candidates and prompts as JSON over a WebSocket; pictures over WebRTC.

A is the reference client's and the game's. C is the same with the messages that Decart's SDK waits for:
acknowledgements, the session's id, ticks of the seconds painted. Clients of A ignore what only C needs, so
everybody gets all of it. The socket stays open for the stream's life: closing it ends the stream.
"""

import asyncio
from dataclasses import dataclass, field

from starlette.websockets import WebSocket

from gpu_services.streaming.service.painting_service import PaintingService
from gpu_services.streaming.service.peer import Peer
from gpu_services.streaming.service.refusals import RefusalError
from gpu_services.streaming.service.session import Session
from gpu_services.streaming.service.talk import Talk, first_of, hold
from scalediff_contract.streaming import (
    Answer,
    Candidate,
    ClientMessage,
    GenerationEnded,
    GenerationStarted,
    GenerationTick,
    IceCandidate,
    LivekitJoin,
    Offer,
    Prompt,
    PromptAck,
    Reset,
    SessionId,
    SetImage,
    SetImageAck,
)

_EARLY_CANDIDATES = 64
_LIVEKIT = "this service speaks WebRTC by offer and answer, not LiveKit; use @decartai/sdk 0.0.46 or older"


@dataclass(kw_only=True)
class _Wishes:
    """What a client said before its offer."""

    prompt: str = ""
    candidates: list[Candidate] = field(default_factory=list)


async def signalling(service: PaintingService, socket: WebSocket) -> None:
    """Serve one client."""
    await hold(service, socket, _converse)


async def _converse(talk: Talk) -> None:
    wishes = _Wishes()
    offer = await _until_offer(talk, wishes)
    async with talk.service.session(talk.visitor, wishes.prompt) as session:
        peer = Peer(session, talk.service.settings.transport)
        try:
            await talk.say(SessionId(session_id=session.key))
            answer = await peer.answer(offer.sdp)
            for candidate in wishes.candidates:
                await peer.add(candidate)
            await talk.say(Answer(sdp=answer))
            await first_of(_listen(talk, session, peer), _tick(talk, session), _watch(session))
        except RefusalError as refusal:
            session.end(refusal)
            if session.first_painted.is_set() and refusal.code != "not-reading":
                await talk.say(GenerationEnded(seconds=int(session.seconds), reason=refusal.code))
            raise
        finally:
            await peer.close()


async def _until_offer(talk: Talk, wishes: _Wishes) -> Offer:
    while True:
        try:
            message = await _next(talk, within_s=talk.service.settings.limits.offer_s)
            if isinstance(message, Offer):
                return message
            await _note(talk, message, wishes)
        except RefusalError as refusal:
            if refusal.code != "bad-message":
                raise
            await talk.complain(refusal)


async def _note(talk: Talk, message: ClientMessage, wishes: _Wishes) -> None:
    if isinstance(message, Prompt):
        wishes.prompt = message.prompt
        await talk.say(PromptAck(prompt=message.prompt, success=True))
    elif isinstance(message, SetImage):
        wishes.prompt = message.prompt or wishes.prompt
        await talk.say(_image_ack(message))
    elif isinstance(message, IceCandidate) and message.candidate is not None:
        if len(wishes.candidates) >= _EARLY_CANDIDATES:
            raise RefusalError("bad-message", f"more than {_EARLY_CANDIDATES} candidates before the offer")
        wishes.candidates.append(message.candidate)
    elif isinstance(message, LivekitJoin):
        raise RefusalError("bad-offer", _LIVEKIT, status=501)


async def _listen(talk: Talk, session: Session, peer: Peer) -> None:
    while True:
        try:
            await _obey(talk, session, peer, await _next(talk))
        except RefusalError as refusal:
            if refusal.code != "bad-message":
                raise
            await talk.complain(refusal)


async def _obey(talk: Talk, session: Session, peer: Peer, message: ClientMessage) -> None:
    if isinstance(message, Prompt):
        first = session.set_prompt(message.prompt)
        await talk.say(PromptAck(prompt=message.prompt, success=True, from_out_id=first))
    elif isinstance(message, SetImage):
        if message.prompt is not None:
            session.set_prompt(message.prompt)
        await talk.say(_image_ack(message))
    elif isinstance(message, IceCandidate):
        if message.candidate is not None:
            await peer.add(message.candidate)
    elif isinstance(message, Reset):
        await session.reset()
    else:
        raise RefusalError("bad-message", f"a {message.type} in mid-stream; connect anew for another")


async def _tick(talk: Talk, session: Session) -> None:
    await session.first_painted.wait()
    await talk.say(GenerationStarted(backend=session.studio.backend.name))
    seconds = 0
    while True:
        await asyncio.sleep(1)
        seconds += 1
        await talk.say(GenerationTick(seconds=seconds))


async def _watch(session: Session) -> None:
    raise await asyncio.shield(session.ended)


async def _next(talk: Talk, *, within_s: float | None = None) -> ClientMessage:
    heard = await talk.hear(within_s=within_s)
    if isinstance(heard, bytes):
        raise RefusalError("bad-message", "a binary message; this address takes JSON, JPEG goes to /ws")
    return talk.understand(heard)


def _image_ack(message: SetImage) -> SetImageAck:
    """Reference pictures need a model that takes them; taking one away is easy."""
    if message.image_data is None:
        return SetImageAck(success=True)
    return SetImageAck(success=False, error="this backend takes no reference picture, only a prompt")
