"""The cloud service: one event-sourced truth about all stock."""
