"""Decisions about pictures being rendered: when to ask again, when to stop. Plain values and a clock, no I/O."""
