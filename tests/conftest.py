"""What every test may ask for."""

pytest_plugins = [
    "tests.fixtures.configured",
    "tests.fixtures.servers",
    "tests.fixtures.databases",
    "tests.fixtures.bookings",
    "tests.fixtures.desk",
    "tests.fixtures.counter",
    "tests.fixtures.rows",
    "tests.fixtures.processes",
]
