"""One way to MySQL, MariaDB and SQLite."""
