"""One family of errors; each class fixes a stable code and an HTTP status, and one handler makes RFC 9457 of it.

    Problem
    ├── InvalidInput 422          the request cannot be understood; `errors` points at what
    │   └── IdempotencyKeyReused    the key came before with another request
    ├── Unauthenticated 401       no token came
    │   └── InvalidToken            one came, and is not believed
    │       └── TokenRevoked          it was good, and its session was ended or its account changed since
    ├── Forbidden 403             a good token that may not do this
    ├── NotFound 404              nothing there, or not yours
    ├── MethodNotAllowed 405
    ├── Conflict 409              the present state forbids it
    ├── PayloadTooLarge 413
    ├── UnsupportedMediaType 415  the body is not JSON; `Accept` says what it must be
    │   └── UnsupportedCoding       it is compressed; `Accept-Encoding` says that it must not be
    ├── RateLimited 429           too many requests; says when to come back
    ├── InternalError 500         a bug of ours; says nothing of its cause
    ├── MethodNotImplemented 501  no address here knows the method
    └── Unavailable 503           a dependency is away; says when to come back
        └── Overloaded            a queue is full; says when to come back

The services derive their own (`EmailTaken`, `SoldOut`, …) in their `domain/errors.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

TYPE_PREFIX = "urn:problem-type:event-booking:"
IANA_PREFIX = "https://iana.org/assignments/http-problem-types#"
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with the input: what, and a JSON pointer (RFC 6901, as a URI fragment) to where."""

    detail: str
    pointer: str


class Problem(Exception):  # noqa: N818  RFC 9457's own name for what the caller is told
    """An answer that is not the one hoped for. ``detail`` tells the caller what to do next."""

    code: ClassVar[str] = "problem"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"
    default_detail: ClassVar[str] = ""
    type_prefix: ClassVar[str] = TYPE_PREFIX
    retry_after_seconds: int | None = None
    # What HTTP demands beside this status.
    headers: ClassVar[Mapping[str, str]] = {}
    # What is told beside those in this one case.
    case_headers: Mapping[str, str] = NO_HEADERS

    def __init__(self, detail: str = "", errors: tuple[FieldError, ...] = ()) -> None:
        """Take the words for this one case; without them, the class's own."""
        self.detail = detail or self.default_detail
        self.errors = errors
        super().__init__(self.detail)

    @property
    def type(self) -> str:
        """The absolute URI that identifies this kind of problem (RFC 9457, section 3.1.1)."""
        return self.type_prefix + self.code


class InvalidInput(Problem):
    """The request does not say something this service can act on."""

    code, status, title = "invalid-input", 422, "The request is not valid"
    default_detail = "Correct the fields named in `errors` and send the request again."

    @classmethod
    def at(cls, pointer: str, detail: str) -> "InvalidInput":
        """Build the problem for a single field."""
        return cls(errors=(FieldError(detail, pointer),))


class IdempotencyKeyReused(InvalidInput):
    """The same Idempotency-Key came with a request that asked for something else."""

    code, title = "idempotency-key-reused", "This Idempotency-Key belongs to another request"
    default_detail = "Use a new Idempotency-Key for a new request, or repeat the first one unchanged."


class Unauthenticated(Problem):
    """No acceptable access token came with the request."""

    code, status, title = "unauthenticated", 401, "A valid access token is needed"
    default_detail = "Log in at the auth service and send `Authorization: Bearer <access_token>`, once."
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}  # the challenge of RFC 6750


class InvalidToken(Unauthenticated):
    """An access token came with the request, and it is not believed: malformed, ended, signed by somebody else."""

    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Bearer error="invalid_token"'}  # RFC 6750, section 3.1


class TokenRevoked(InvalidToken):
    """The access token is good, and was revoked: its session was ended, or its account changed since."""

    code, title = "token-revoked", "This access token is no longer good"
    default_detail = "Its session was ended, or the account was changed. Refresh the token, or log in again."


class Forbidden(Problem):
    """The token is good, and its scope does not allow this."""

    code, status, title = "forbidden", 403, "Not allowed with this access token"
    default_detail = "Use an account whose role allows this; or verify your e-mail address, where that is demanded."


class NotFound(Problem):
    """There is nothing at this address that the caller may see."""

    code, status, title = "not-found", 404, "Not found"
    default_detail = "Check the address; ids are those that this service gave out."


class MethodNotAllowed(Problem):
    """The address exists, the method on it does not."""

    code, status, title = "method-not-allowed", 405, "Method not allowed"
    default_detail = "Use one of the methods in `Allow`; /docs says what each does."


class Conflict(Problem):
    """The request is understood, and the present state forbids it."""

    code, status, title = "conflict", 409, "The present state forbids this"


class PayloadTooLarge(Problem):
    """The body is larger than REQUEST_BODY_BYTES_MAX."""

    code, status, title = "payload-too-large", 413, "The body is too large"
    default_detail = "Send a smaller body."


class UnsupportedMediaType(Problem):
    """The body says that it is something else than JSON in UTF-8, or does not say what it is."""

    code, status, title = "unsupported-media-type", 415, "The body is not JSON by its Content-Type"
    default_detail = "Send the body as JSON in UTF-8, with `Content-Type: application/json`."
    headers: ClassVar[Mapping[str, str]] = {"Accept": "application/json"}


class UnsupportedCoding(UnsupportedMediaType):
    """The body is compressed, or coded in another way."""

    code, title = "unsupported-content-coding", "The body is coded by its Content-Encoding"
    default_detail = "Send the body as it is, without Content-Encoding."
    headers: ClassVar[Mapping[str, str]] = {"Accept-Encoding": "identity"}


class RateLimited(Problem):
    """Somebody, or somebody's address, has sent more requests than a policy allows; `RateLimit` says which."""

    code, status, title = "quota-exceeded", 429, "Too many requests"
    default_detail = "Nothing was done. Wait for the seconds in Retry-After, then send the request again."
    type_prefix = IANA_PREFIX
    retry_after_seconds = 1

    def __init__(self, retry_after_seconds: int = 1, case_headers: Mapping[str, str] = NO_HEADERS) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds
        self.case_headers = case_headers


class InternalError(Problem):
    """A bug of ours. The caller gets the request id to quote and nothing else."""

    code, status, title = "internal-error", 500, "Something went wrong here"
    default_detail = "This is our fault. Try again later, and quote the X-Request-ID if it goes on."


class MethodNotImplemented(Problem):
    """The method means nothing at any address of this service."""

    code, status, title = "method-not-implemented", 501, "No address here knows this method"
    default_detail = "Use GET, HEAD, POST, PATCH, DELETE or OPTIONS, which answers which of them an address allows."


class Unavailable(Problem):
    """Something this service needs does not answer. Nothing was half-done."""

    code, status, title = "unavailable", 503, "Temporarily unavailable"
    default_detail = "Nothing is half-done. Send the same request again after the seconds in Retry-After."
    retry_after_seconds = 2


class Overloaded(Unavailable):
    """A bounded queue is full: sent away at once instead of kept waiting."""

    code, title = "temporary-reduced-capacity", "Too much to do at this moment"
    type_prefix = IANA_PREFIX
    retry_after_seconds = 1
