"""prewatt: prepaid electricity for buildings. `ARCHITECTURE.md` shows the whole house."""

__version__ = "0.1.0"
