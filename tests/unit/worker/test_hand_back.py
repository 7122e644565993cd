"""A worker outlives its connection, whatever it had taken over it."""

from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection
from kombu.transport import redis

from worker.hand_back import BestEffortQoS

QUEUE = "unread"


@pytest.fixture
def connection(redis_url: str) -> Iterator[Connection]:
    with Connection(redis_url) as connection:
        yield connection
    with Connection(redis_url) as connection:
        open_channel(connection).queue_delete(QUEUE)


def open_channel(connection: Connection) -> Any:  # noqa: ANN401  kombu's types know what all transports share only
    return connection.channel()


def channel_with_an_unread_message(connection: Connection, qos: type[redis.QoS]) -> redis.Channel:
    channel: redis.Channel = open_channel(connection)
    channel.QoS = qos
    channel.queue_declare(QUEUE)
    connection.Producer(channel).publish("nudge", routing_key=QUEUE)
    assert channel.basic_get(QUEUE) is not None
    return channel


def lose_transport(channel: redis.Channel) -> None:
    # As kombu does before it closes the channel of a lost connection.
    channel.connection.client = None


def test_kombu_by_itself_fails_to_close_a_lost_channel(connection: Connection) -> None:
    # When this passes no more, kombu is repaired and `worker.hand_back` can go.
    channel = channel_with_an_unread_message(connection, redis.QoS)
    lose_transport(channel)
    with pytest.raises(AttributeError):
        channel.close()


def test_a_lost_channel_is_closed_without_complaint(connection: Connection) -> None:
    channel = channel_with_an_unread_message(connection, BestEffortQoS)
    lose_transport(channel)
    channel.close()
    assert channel.closed


def test_an_unread_message_is_given_back_while_that_is_possible(connection: Connection) -> None:
    channel_with_an_unread_message(connection, BestEffortQoS).close()
    again = open_channel(connection).basic_get(QUEUE)
    assert again is not None
    assert again.payload == "nudge"
