"""How the booking service believes tokens: by what the auth service publishes, or by a shared secret."""

from dataclasses import dataclass
from urllib.parse import urljoin

from booking_service.settings import BookingSettings
from shared.http.authentication import Authenticator, token_rules
from shared.identity.jwk import hmac_key
from shared.identity.keys import FixedKey, Pace, PublishedKeys
from shared.identity.published import PublishedDocument
from shared.identity.revocations import Revocations, RevocationWatch, Revoked, read_revoked
from shared.identity.tokens import TokenVerifier

REVOCATIONS = "revocations"  # its name beside the key set


def remote_authenticator(settings: BookingSettings, revocations: Revocations) -> Authenticator:
    """Build the authenticator of a service that can check tokens; with public keys it can make none."""
    verifier = TokenVerifier(token_rules(settings), settings.token_cache_max, revocations)
    if settings.algorithm == "HS256" and settings.secret_key is not None:
        return Authenticator(verifier, FixedKey(hmac_key(settings.secret_key.get_secret_value())))
    pace = Pace(settings.jwks_timeout_seconds, settings.jwks_cooldown_seconds, settings.jwks_refresh_seconds)
    keys = PublishedKeys(str(settings.jwks_url), pace, authorities=settings.jwks_ca, forget=verifier.forget)
    return Authenticator(verifier, keys)


@dataclass(frozen=True, slots=True)
class PublishedRevocations:
    """What the auth service publishes as revoked; nothing at all where nobody said where."""

    watch: RevocationWatch
    document: PublishedDocument | None

    async def close(self) -> None:
        """Close the connections."""
        if self.document is not None:
            await self.document.close()


def published_revocations(settings: BookingSettings) -> PublishedRevocations:
    """Build what follows REVOCATIONS_URL; without it, what stands beside JWKS_URL."""
    url = settings.revocations_url or (settings.jwks_url and urljoin(settings.jwks_url, REVOCATIONS))
    interval_seconds = settings.revocations_refresh_seconds
    if url is None:
        return PublishedRevocations(
            RevocationWatch(Revocations(), _nothing, settings.revocations_refresh_seconds), None
        )
    document = PublishedDocument(url, timeout_seconds=settings.jwks_timeout_seconds, authorities=settings.jwks_ca)

    async def ask() -> Revoked | None:
        published = await document.fetch()
        try:
            return None if published is None else read_revoked(published)
        except (ValueError, TypeError, KeyError, AttributeError):
            document.forget()
            raise

    return PublishedRevocations(RevocationWatch(Revocations(), ask, interval_seconds), document)


async def _nothing() -> None:
    """Tell of nothing new."""
