"""The application: routes, errors and headers put together. It knows nothing of Lambda."""

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute

from adapters.dynamodb.idempotency import Repeated
from api.azure import AzureRequests
from api.errors import install_error_handlers
from api.middleware import PROCESSING_MS, REQUEST_ID, VERSION, RequestIds, ServerFaults
from api.polling import POLL_AFTER_MS
from api.replays import REPLAYED, answer_again
from api.routes import (
    actions,
    assistants,
    events,
    files,
    health,
    messages,
    models,
    organization,
    playground,
    realtime,
    runs,
    steps,
    threads,
    unserved,
)
from wiring.bootstrap import ApiContext, api_context

# `/v1/threads/runs` must be looked at before `/v1/threads/{thread_id}`.
_RESOURCES = (
    assistants,
    runs,
    threads,
    messages,
    steps,
    events,
    files,
    actions,
    models,
    organization,
    realtime,
    unserved,
    health,
    playground,
)


def create_app(context: ApiContext | None = None) -> FastAPI:
    """Return the application.

    Args:
        context: the parts that it uses; without them, they are built from the environment at the
            first request that needs them.
    """
    app = FastAPI(
        title="ThreadRunner",
        description="OpenAI's Assistants API (v2), to be tried in the [playground](playground).",
        version="1",
        openapi_url=health.OPENAPI_URL,
        docs_url=None,
        redoc_url=None,
        # Relative to the document: behind a gateway, a stage stands before the paths.
        servers=[{"url": ".."}],
        # A redirect would lose the stage, and clients do not repeat a POST.
        redirect_slashes=False,
        strict_content_type=False,
        generate_unique_id_function=_operation_id,
    )
    app.state.context = api_context if context is None else lambda: context
    for resource in _RESOURCES:
        app.include_router(resource.router)
    install_error_handlers(app)
    app.add_exception_handler(Repeated, answer_again)
    # The last one added is the outermost: an error that nobody expected has an id and CORS too.
    app.add_middleware(AzureRequests)
    app.add_middleware(ServerFaults)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=[REQUEST_ID, PROCESSING_MS, VERSION, POLL_AFTER_MS, REPLAYED],
    )
    app.add_middleware(RequestIds)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
