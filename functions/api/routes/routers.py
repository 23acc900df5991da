"""Routers for the two kinds of keys, with what all their routes have in common."""

from typing import Any, Final

from fastapi import APIRouter, Security
from fastapi.security import HTTPBearer

from api.errors import ErrorBody
from api.route import AdminRoute, KeyedRoute, ProjectRoute

# Only for the document: the route itself looks at the key, before anything else.
_PROJECT_KEY = HTTPBearer(scheme_name="ProjectKey", auto_error=False)
_ADMIN_KEY = HTTPBearer(scheme_name="AdminKey", auto_error=False)

# Declared as ranges: else FastAPI would announce a 422, which is never sent.
_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"model": ErrorBody, "description": "The request cannot be carried out."},
    "5XX": {"model": ErrorBody, "description": "The server failed; the request may be repeated."},
}


def project_router(tag: str) -> APIRouter:
    """Return a router whose routes take the key of a project.

    Args:
        tag: the heading of its routes in the document.
    """
    return _router(tag, ProjectRoute, _PROJECT_KEY)


def admin_router(tag: str) -> APIRouter:
    """Return a router whose routes take an admin key.

    Args:
        tag: the heading of its routes in the document.
    """
    return _router(tag, AdminRoute, _ADMIN_KEY)


def _router(tag: str, route: type[KeyedRoute], key: HTTPBearer) -> APIRouter:
    return APIRouter(route_class=route, tags=[tag], responses=_ERRORS, dependencies=[Security(key)])
