"""Which provider a deployment has chosen."""

from adapters.secrets import SecretValue, parameter_value
from tool_worker.search.brave import Brave
from tool_worker.search.provider import SearchProvider
from tool_worker.search.searxng import Searxng
from tool_worker.search.tavily import Tavily
from wiring.settings import SettingsError, WorkerSettings


def chosen_provider(settings: WorkerSettings) -> SearchProvider | None:
    """Return who searches the web for this deployment; None if nobody does.

    Raises:
        SettingsError: the provider needs what the settings do not give.
    """
    match settings.web_search_provider:
        case "":
            return None
        case "searxng":
            return Searxng(_needed("WEB_SEARCH_URL", settings.web_search_url))
        case "tavily":
            return Tavily(_key(settings))
        case "brave":
            return Brave(_key(settings))


def _key(settings: WorkerSettings) -> SecretValue:
    return parameter_value(_needed("WEB_SEARCH_KEY_PARAMETER", settings.web_search_key_parameter))


def _needed(variable: str, value: str) -> str:
    if not value:
        raise SettingsError(f"These environment variables are missing or wrong: {variable}.")
    return value
