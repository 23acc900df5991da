"""`/health` and the API's documents: open to all, and answered without AWS."""

from typing import Literal

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

OPENAPI_URL = "/v1/openapi.json"
router = APIRouter()


class Health(BaseModel):
    """Says that the API runs."""

    status: Literal["ok"] = "ok"


@router.get("/health", tags=["Health"])
def get_health() -> Health:
    """Tell that the API runs; the tables and queues are not asked."""
    return Health()


@router.get("/docs", include_in_schema=False)
def show_docs() -> HTMLResponse:
    """Show the API's document; it is named relative to this page, as a stage may stand before."""
    return get_swagger_ui_html(openapi_url=OPENAPI_URL.lstrip("/"), title="ThreadRunner")
