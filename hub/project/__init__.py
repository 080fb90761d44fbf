"""The project directory of a company: hub.yaml, flows, ownership, policies, mappings, lookups and secrets."""

from hub.project.loader import HUB_FILE, find, inspect, load
from hub.project.project import Connection, Events, Flow, Owner, Project
from hub.project.schedule import Poll, duration
from hub.project.secrets import Secrets

__all__ = [
    "HUB_FILE",
    "Connection",
    "Events",
    "Flow",
    "Owner",
    "Poll",
    "Project",
    "Secrets",
    "duration",
    "find",
    "inspect",
    "load",
]
