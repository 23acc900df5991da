"""The network beyond AWS, for functions that seldom need it: loaded at the first use."""

from functools import cached_property
from typing import TYPE_CHECKING

from core.action_calls import ActionAnswer, ActionCall

if TYPE_CHECKING:
    from adapters.action_caller import ActionCaller
    from adapters.document_fetcher import DocumentFetcher


class Outside:
    """Documents that are fetched, and actions that are called.

    Args:
        egress_allow: what may be reached although it is not public (`EgressAllowList.parse`).
    """

    def __init__(self, egress_allow: str) -> None:
        self._egress_allow = egress_allow

    def fetch_document(self, url: str) -> str:
        """Return the text at a URL.

        Raises:
            BadDocument: there is none, or it may not be reached.
        """
        return self._fetcher.fetch(url)

    def call_action(self, call: ActionCall) -> ActionAnswer:
        """Carry out a call of an action.

        Raises:
            ActionFailed: there is no response.
        """
        return self._caller.call(call)

    @cached_property
    def _fetcher(self) -> "DocumentFetcher":
        from adapters.document_fetcher import DocumentFetcher
        from adapters.document_text import MAX_BYTES
        from adapters.egress import EgressAllowList, EgressClient

        allow = EgressAllowList.parse(self._egress_allow)
        return DocumentFetcher(EgressClient(allow, max_response_bytes=MAX_BYTES))

    @cached_property
    def _caller(self) -> "ActionCaller":
        from adapters.action_caller import action_caller
        from adapters.egress import EgressAllowList

        return action_caller(EgressAllowList.parse(self._egress_allow))
