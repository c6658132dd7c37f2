"""Money, energy and price as exact whole numbers, and the one place that rounds."""

from prewatt.units.values import Energy, Money, Price, Rate, UnitError, charge

__all__ = ["Energy", "Money", "Price", "Rate", "UnitError", "charge"]
