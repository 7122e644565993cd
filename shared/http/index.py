"""What is where: the answer to whoever looks at the bare address first."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from shared.http.strict_route import StrictRoute

DOCUMENTATION = "/docs"
READINESS = "/health/ready"


class Index(BaseModel):
    """Where to go from here; addresses on this host."""

    service: str = Field(examples=["Booking service"])
    version: str = Field(description="Of these calls.", examples=["1"])
    documentation: str = Field(description="For people.", examples=[DOCUMENTATION])
    openapi: str = Field(description="The same for programs.", examples=["/openapi.json"])
    health: str = Field(examples=[READINESS])


def router() -> APIRouter:
    """Build `/`, which tells of the application that it is a part of."""
    routes = APIRouter(tags=["index"], route_class=StrictRoute)

    @routes.get("/", summary="What is where")
    async def index(request: Request) -> Index:
        app = request.app
        return Index(
            service=app.title,
            version=app.version,
            documentation=DOCUMENTATION,
            openapi=app.openapi_url,
            health=READINESS,
        )

    return routes
