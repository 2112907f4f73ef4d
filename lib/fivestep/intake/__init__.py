"""Intake: what the client sends becomes sheets, then contract tables, or a clear question."""
