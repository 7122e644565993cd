"""How the booking service believes tokens: by the keys that the auth service publishes, or by a shared secret."""

from booking_service.settings import BookingSettings
from shared.http.authentication import Authenticator, token_rules
from shared.identity.keys import FixedKey, PublishedKeys
from shared.identity.tokens import TokenVerifier, hmac_key


def remote_authenticator(settings: BookingSettings) -> Authenticator:
    """Build the authenticator of a service that can check tokens; with public keys it can make none."""
    verifier = TokenVerifier(token_rules(settings), settings.token_cache_max)
    if settings.algorithm == "HS256" and settings.secret_key is not None:
        return Authenticator(verifier, FixedKey(hmac_key(settings.secret_key.get_secret_value())))
    keys = PublishedKeys(
        str(settings.jwks_url),
        timeout_seconds=settings.jwks_timeout_seconds,
        cooldown_seconds=settings.jwks_cooldown_seconds,
        authorities=settings.jwks_ca,
    )
    return Authenticator(verifier, keys)
