"""What may be done so often: for each action a policy for the address it comes from, and one for the account.

To put a route under limits: an action here, its two settings, and `dependencies=[limited(ACTION)]` at the route.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from auth_service.settings import AuthSettings
from shared.rate_limits.policies import Policy

LOGIN: Final = "login"
REGISTRATION: Final = "registration"
MAIL: Final = "mail"  # asking for a link to be mailed


@dataclass(frozen=True, slots=True)
class Action:
    """The two policies of an action."""

    by_address: Policy
    by_account: Policy


def actions(settings: AuthSettings) -> Mapping[str, Action]:
    """Return all actions that are limited, by their names."""
    quotas = {
        LOGIN: (settings.logins_per_address_max, settings.logins_per_account_max),
        REGISTRATION: (settings.registrations_per_address_max, settings.registrations_per_account_max),
        MAIL: (settings.links_per_address_max, settings.links_per_account_max),
    }
    window_seconds = settings.rate_window_seconds
    return {
        name: Action(
            Policy(f"{name}-address", by_address, window_seconds), Policy(f"{name}-account", by_account, window_seconds)
        )
        for name, (by_address, by_account) in quotas.items()
    }
