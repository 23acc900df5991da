"""`/playground`: a page to talk to assistants with, open to all; what it asks for takes a key.

The page is files alone, in `api/playground`. It loads nothing from elsewhere and runs no script but
its own, so whatever a model says, its browser sends the key to this API and nowhere else.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Header
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

_FOLDER: Final = Path(__file__).resolve().parents[1] / "playground"
_PAGE: Final = "index.html"
_MEDIA_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        # The API, and the WebSocket, which has a host of its own.
        "connect-src 'self' ws: wss:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        # No text can become markup.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # Names do not change with their content: browsers ask each time, and are told if it is new.
    "Cache-Control": "no-cache",
}

router = APIRouter(include_in_schema=False)
IfNoneMatch = Annotated[str | None, Header()]


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str
    etag: str


@router.get("/playground")
def show_playground(if_none_match: IfNoneMatch = None) -> Response:
    """Show the page."""
    return _answer(_PAGE, if_none_match)


@router.get("/playground/")
def leave_out_slash() -> Response:
    """Send a browser to where the page's relative addresses are right; a stage may stand before."""
    return RedirectResponse("../playground", 308)


@router.get("/playground/{name:path}")
def get_file(name: str, if_none_match: IfNoneMatch = None) -> Response:
    """Return one of the page's files."""
    return _answer(name, if_none_match)


def _answer(name: str, if_none_match: str | None) -> Response:
    file = _files().get(name)
    if file is None:
        raise HTTPException(404)
    headers = _HEADERS | {"ETag": file.etag}
    if file.etag in _tags(if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers, media_type=file.media_type)


def _tags(header: str | None) -> list[str]:
    # A gateway that compresses an answer makes its tag a weak one.
    return [tag.strip().removeprefix("W/") for tag in (header or "").split(",")]


@cache
def _files() -> dict[str, _File]:
    """The files by their names; nothing else can be asked for."""
    # The client stands in a folder that is a link in the sources, which `rglob` would pass by.
    paths = [path for folder in (_FOLDER, _FOLDER / "client") for path in folder.iterdir()]
    return {
        path.relative_to(_FOLDER).as_posix(): _read(path)
        for path in paths
        if path.suffix in _MEDIA_TYPES
    }


def _read(path: Path) -> _File:
    content = path.read_bytes()
    return _File(
        content, _MEDIA_TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    )
