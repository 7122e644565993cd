"""The main story, told by the real processes on each database."""

from tests.fixtures.clients import PASSWORD, admin, log_in, new_user
from tests.fixtures.processes import System
from tests.fixtures.servers import wait_until

HOLD_SECONDS = 2
WAIT_SECONDS_MAX = 60


def test_register_log_in_create_book_and_poll_until_settled(system: System) -> None:
    system.start_auth()
    system.start_booking()
    system.start_worker()
    system.start_beat()

    ada = new_user(system, "ada@example.com")
    me = system.http.get(f"{system.auth_url}/users/me", headers=ada.headers).json()
    assert (me["email"], me["role"]) == ("ada@example.com", "user")

    event_id = admin(system).create_event(seats=3)
    assert [event["event_id"] for event in ada.get("/events").json()] == [event_id]

    accepted = ada.book(event_id, 2)
    assert (accepted.status_code, accepted.json()["status"]) == (202, "pending")
    assert accepted.headers["Retry-After"].isdigit()
    assert ada.outcome(accepted)["status"] == "confirmed"

    too_many = ada.outcome(ada.book(event_id, 2))
    assert (too_many["status"], too_many["reason"]) == ("rejected", "sold_out")

    assert ada.outcome(ada.book(event_id, 1, key='"last seat"'))["status"] == "confirmed"
    assert ada.get(f"/events/{event_id}").json()["event_availibility"] == 0

    eve = new_user(system, "eve@example.com")
    location = accepted.headers["Location"]
    assert eve.get(location).status_code == 404
    assert log_in(system, "ADA@example.com", PASSWORD).get(location).status_code == 200

    audit = system.run("-m", "booking_service", "audit")
    assert audit.stdout == "audit: ok\n"
    assert all("Traceback" not in system.log(name) for name in system.processes)


def test_a_full_event_is_refused_at_the_door_and_an_old_key_is_not(system: System) -> None:
    system.start_auth()
    system.start_booking()
    system.start_worker()
    ada = new_user(system, "ada@example.com")
    event_id = admin(system).create_event(seats=1)
    first = ada.outcome(ada.book(event_id, key="mine"))

    refused = ada.book(event_id)
    while refused.status_code == 202:  # until the process has heard that the event is full
        assert ada.outcome(refused)["reason"] == "sold_out"
        refused = ada.book(event_id)
    assert refused.status_code == 409
    assert refused.json()["type"].endswith(":sold-out")

    again = ada.book(event_id, key="mine")
    assert (again.status_code, again.json()["booking_id"]) == (202, first["booking_id"])


def test_seats_that_nobody_confirms_in_time_go_to_whoever_waits(system: System) -> None:
    system.start_auth()
    system.start_booking()
    ada, eve = new_user(system, "ada@example.com"), new_user(system, "eve@example.com")
    event_id = admin(system).create_event(seats=1, hold_seconds=HOLD_SECONDS, waitlist="strict")
    booked, waiting = (client.book(event_id).headers["Location"] for client in (ada, eve))

    # Nobody asks for anything any more: only the sweep can see that a hold has ended.
    system.start_worker()
    system.start_beat()
    wait_until(lambda: ada.get(booked).json()["status"] == "expired", "the hold ends", WAIT_SECONDS_MAX)
    wait_until(lambda: eve.get(waiting).json()["status"] == "expired", "so does the next one", WAIT_SECONDS_MAX)
    *acts, total = admin(system).get(f"/events/{event_id}/ledger").json()
    assert [act["what"] for act in acts] == ["opened", "held", "hold_expired", "promoted", "hold_expired"]
    assert (total["available"], total["agrees"]) == (1, True)
    assert system.run("-m", "booking_service", "audit").stdout == "audit: ok\n"
