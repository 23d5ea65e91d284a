"""Two pages for people: the queue and the gallery. Static files; what they show they ask the API for.

The token comes in the address's fragment (`/#token=...`), which no server sees, and stays in the tab.
"""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

router = APIRouter(include_in_schema=False)
_FILES = Path(__file__).with_name("web")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "media-src 'self' https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def _file(name: str, media_type: str) -> Response:
    return Response((_FILES / name).read_bytes(), media_type=media_type, headers=_HEADERS)


@router.get("/")
@router.get("/queue")
def queue_page() -> Response:
    """Who waits, who works."""
    return _file("queue.html", "text/html")


@router.get("/gallery")
def gallery_page() -> Response:
    """The clips, newest first."""
    return _file("gallery.html", "text/html")


@router.get("/pages/style.css")
def style() -> Response:
    """The pages' looks."""
    return _file("style.css", "text/css")


@router.get("/pages/queue.js")
def queue_script() -> Response:
    """Fills the queue page."""
    return _file("queue.js", "text/javascript")


@router.get("/pages/gallery.js")
def gallery_script() -> Response:
    """Fills the gallery."""
    return _file("gallery.js", "text/javascript")


@router.get("/pages/api.js")
def api_script() -> Response:
    """Asks the API, for both pages."""
    return _file("api.js", "text/javascript")
