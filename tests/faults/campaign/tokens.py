"""The clients' tokens: signed by the campaign with a shared secret, so that no auth service needs to run."""

from shared.identity.jwk import hmac_key
from shared.identity.tokens import TokenRules, TokenSigner

TOKENS = TokenRules("HS256", "http://campaign.example", "campaign")
SECRET = "a secret of thirty-two characters or more, for the campaign"
LIFE_SECONDS = 6 * 3600


def signer() -> TokenSigner:
    """Prepare to sign tokens that outlive every campaign."""
    return TokenSigner(TOKENS, hmac_key(SECRET), None, LIFE_SECONDS)
