"""What routes ask for in their signatures."""

from typing import Annotated

from fastapi import Depends, Request

from booking_service.box_office.sales import BoxOffice
from booking_service.settings import BookingSettings


def _box_office(request: Request) -> BoxOffice:
    office: BoxOffice = request.app.state.box_office
    return office


def _settings(request: Request) -> BookingSettings:
    settings: BookingSettings = request.app.state.settings
    return settings


Office = Annotated[BoxOffice, Depends(_box_office)]
Configuration = Annotated[BookingSettings, Depends(_settings)]
