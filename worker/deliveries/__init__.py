"""Delivers what the outboxes hold: mail. Apart from settlement, so that a slow mail server delays no seat."""
