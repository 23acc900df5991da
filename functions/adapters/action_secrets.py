"""The authentication of actions, as it is stored: sealed, if the deployment has a key for that."""

from collections.abc import Mapping

from adapters.sealing import Sealer, is_sealed
from core.schema.actions import ActionRecord, StoredAuthentication
from core.schema.authentication import (
    Authentication,
    dump_authentication,
    dump_authentications,
    read_authentication,
    read_authentications,
)


class ActionSecrets:
    """Turns an authentication into what is stored, and back.

    Args:
        sealer: encrypts it.
    """

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def stored(self, tenant: str, given: Authentication | None) -> StoredAuthentication:
        """Return what is stored of an authentication."""
        if given is None or not self._sealer.seals:
            return StoredAuthentication(authentication=given)
        return StoredAuthentication(sealed=self._sealer.seal(tenant, dump_authentication(given)))

    def of(self, tenant: str, record: ActionRecord) -> Authentication | None:
        """Return an action's authentication, sealed or stored before there was a key.

        Raises:
            CannotOpen: it is sealed, and this deployment cannot open it.
        """
        if record.sealed is None:
            return record.authentication
        return read_authentication(self._sealer.open(tenant, record.sealed))

    def stored_of_run(self, tenant: str, given: Mapping[str, Authentication]) -> str:
        """Return what is stored of what a run brings for its actions, by their ids."""
        text = dump_authentications(dict(given))
        return self._sealer.seal(tenant, text) if self._sealer.seals else text

    def of_run(self, tenant: str, stored: str) -> dict[str, Authentication]:
        """Return what a run brought for its actions.

        Raises:
            CannotOpen: it is sealed, and this deployment cannot open it.
        """
        text = self._sealer.open(tenant, stored) if is_sealed(stored) else stored
        return read_authentications(text)
