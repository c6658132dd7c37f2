"""Meter models as data. Gateway, simulator and console read the same file."""

from prewatt.profiles.loader import load, names, parse
from prewatt.profiles.profile import Profile, Rating, Recorded
from prewatt.profiles.rows import Block, CannotRepresent, Command, NotAllowed, ProfileError, Quantity, Write

__all__ = [
    "Block",
    "CannotRepresent",
    "Command",
    "NotAllowed",
    "Profile",
    "ProfileError",
    "Quantity",
    "Rating",
    "Recorded",
    "Write",
    "load",
    "names",
    "parse",
]
