"""What a player's client and the painting service say to each other.

Three dialects of one conversation (docs/streaming.md): offer and answer by WebSocket as the reference client
speaks them, the same with the acknowledgements of Decart's SDK, and JPEG pictures over the WebSocket itself.
Clients of other makers add fields of their own, so unknown fields are tolerated; unknown types are not.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

MAX_PROMPT_CHARS = 2_000
MAX_SDP_CHARS = 100_000
MAX_IMAGE_CHARS = 1_500_000
ROWS_CHANNEL = "frames"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


PromptText = Annotated[str, Field(max_length=MAX_PROMPT_CHARS)]
Sdp = Annotated[str, Field(max_length=MAX_SDP_CHARS)]


class Offer(_Message):
    """Client: how it would send and receive."""

    type: Literal["offer"] = "offer"
    sdp: Sdp


class Candidate(_Message):
    """One address where a peer may be reached, as browsers write it."""

    candidate: Annotated[str, Field(max_length=1_000)] = ""
    sdp_mid: Annotated[str | None, Field(alias="sdpMid", max_length=64)] = None
    sdp_mline_index: Annotated[int | None, Field(alias="sdpMLineIndex", ge=0, le=64)] = None


class IceCandidate(_Message):
    """Either: a candidate found after the offer; null when there are no more."""

    type: Literal["ice-candidate"] = "ice-candidate"
    candidate: Candidate | None = None


class Prompt(_Message):
    """Client: paint like this from the next chunk on."""

    type: Literal["prompt"] = "prompt"
    prompt: PromptText
    enhance_prompt: bool = True


class SetImage(_Message):
    """Client: a reference picture, base64; our painters use the prompt that may come with it."""

    type: Literal["set_image"] = "set_image"
    image_data: Annotated[str | None, Field(max_length=MAX_IMAGE_CHARS)] = None
    prompt: PromptText | None = None


class Reset(_Message):
    """Client: forget what was painted and start anew; frames that wait are dropped."""

    type: Literal["reset"] = "reset"


class LivekitJoin(_Message):
    """Client: Decart's SDK from 0.1 on asks for a LiveKit room, which this service has not."""

    type: Literal["livekit_join"] = "livekit_join"


ClientMessage = Annotated[
    Offer | IceCandidate | Prompt | SetImage | Reset | LivekitJoin, Field(discriminator="type")
]
CLIENT_MESSAGE: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)


class Answer(_Message):
    """Server: how it receives and sends; all its candidates are inside."""

    type: Literal["answer"] = "answer"
    sdp: str


class SessionId(_Message):
    """Server: the stream's name in logs, metrics and traces."""

    type: Literal["session_id"] = "session_id"
    session_id: str
    server_ip: str = ""
    server_port: int = 0


class PromptAck(_Message):
    """Server: the prompt is taken, or why not.

    Attributes:
        prompt: As it came.
        success: Whether it is taken.
        error: Why not.
        from_out_id: First output frame that may show it; None before the first.
    """

    type: Literal["prompt_ack"] = "prompt_ack"
    prompt: str
    success: bool
    error: str | None = None
    from_out_id: int | None = None


class SetImageAck(_Message):
    """Server: what became of a reference picture."""

    type: Literal["set_image_ack"] = "set_image_ack"
    success: bool
    error: str | None = None


class Ready(_Message):
    """Server, JPEG dialect only: send pictures; `model` is the backend's name."""

    type: Literal["ready"] = "ready"
    model: str
    session_id: str
    worker: int = 0


class GenerationStarted(_Message):
    """Server: the first picture is painted."""

    type: Literal["generation_started"] = "generation_started"
    backend: str = ""


class GenerationTick(_Message):
    """Server: whole seconds painted so far."""

    type: Literal["generation_tick"] = "generation_tick"
    seconds: int


class GenerationEnded(_Message):
    """Server: the stream is over and why."""

    type: Literal["generation_ended"] = "generation_ended"
    seconds: int
    reason: str


class Refused(_Message):
    """Server: no, and what helps.

    Attributes:
        message: One sentence for a person.
        error: The same under the key that Decart's SDK reads.
        code: The machine's word for it.
        retry_after_s: When to ask again; None where asking again does not help.
    """

    type: Literal["error"] = "error"
    message: str
    error: str
    code: str
    retry_after_s: float | None = None


class FrameRow(_Message):
    """Server, data channel: one painted frame. Times are epoch ms of the server's clock.

    Attributes:
        in_id: The frame that it was painted from: its stamp, or its number where there was none.
        out_id: Number of the painted frame in this stream, from 0.
        t_in: Its source frame was decoded.
        t_gpu: It was painted.
        t_out: It went to the encoder.
    """

    in_id: Annotated[int, Field(ge=0)]
    out_id: Annotated[int, Field(ge=0)]
    t_in: float
    t_gpu: float
    t_out: float


class IceServer(_Message):
    """One STUN or TURN server, as RTCPeerConnection takes it."""

    urls: str
    username: str | None = None
    credential: str | None = None


class IceServers(_Message):
    """The answer of /v1/ice-servers; `expires_ms` is the end of the credentials, epoch ms."""

    ice_servers: Annotated[tuple[IceServer, ...], Field(alias="iceServers")]
    expires_ms: int | None = None

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Readiness(_Message):
    """The answer of /readyz.

    Attributes:
        ready: A new player would be let in.
        reason: Why not.
        backend: Who paints.
        sessions: Players at this moment.
        draining: It ends and lets nobody in.
        worker: Number of the process.
    """

    ready: bool
    reason: str | None
    backend: str
    sessions: int
    draining: bool
    worker: int
