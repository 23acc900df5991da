"""Tickets: each opens one connection, for whoever cannot send a key with the handshake.

A ticket stands in a URL, so it works once and for a minute, and only its hash is stored.
"""

import secrets
from typing import TYPE_CHECKING

from adapters.dynamodb import keyspace
from adapters.dynamodb.access_items import access_attributes, read_access
from adapters.dynamodb.documents import key as item_key
from adapters.dynamodb.values import Item, scalar
from core.access import Access
from core.clock import Clock
from core.keys import hash_key

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

TICKET_SECONDS = 60


class TicketStore:
    """Tickets that have not been used, in the stream table.

    Args:
        client: a DynamoDB client.
        table: the stream table's name.
        clock: gives milliseconds.
    """

    def __init__(self, client: "DynamoDBClient", table: str, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def issue(self, access: Access) -> tuple[str, int]:
        """Make a ticket.

        Args:
            access: what its connection may reach.

        Returns:
            The ticket, 256 random bits that fit into a URL, and when it expires, in seconds.
        """
        ticket = secrets.token_urlsafe(32)
        expires_at = self._clock() // 1000 + TICKET_SECONDS
        item = _key(ticket) | access_attributes(access) | {"expires_at": scalar(expires_at)}
        self._client.put_item(TableName=self._table, Item=item)
        return ticket, expires_at

    def redeem(self, ticket: str) -> Access | None:
        """Use a ticket up; return what it gives access to, or None if it is not, or no longer, one.

        Deleting is what uses it up: of two who come at once, the table gives its item to one. The
        time is looked at here, because the table deletes what has expired up to days late.
        """
        item = self._client.delete_item(
            TableName=self._table, Key=_key(ticket), ReturnValues="ALL_OLD"
        ).get("Attributes")
        if not item or int(item["expires_at"]["N"]) <= self._clock() // 1000:
            return None
        return read_access(item)


def _key(ticket: str) -> Item:
    return item_key(keyspace.ticket(hash_key(ticket)), keyspace.META)
