"""Quantities of the station file: text with a unit, such as "5 mK", turned into a float in a fixed unit."""

from typing import Annotated, Any

from pint.errors import DimensionalityError, PintError
from pydantic import BeforeValidator
from pymeasure.units import ureg


def in_unit(value: Any, unit: str) -> float:
    """Return the number of `unit` that a text such as "5 mK" stands for; ValueError if it does not."""
    if not isinstance(value, str):
        raise ValueError(f'give a number with its unit, such as "{value} {unit}"')
    try:
        return float(ureg.Quantity(value).to(unit).magnitude)
    except DimensionalityError as error:
        raise ValueError(f"'{value}' is not in a unit of {unit}") from error
    except (PintError, ValueError, TypeError, AttributeError, AssertionError) as error:
        raise ValueError(
            f"'{value}' is not a number with a known unit; write it like \"1 {unit}\""
        ) from error


def _in_unit(unit: str) -> BeforeValidator:
    return BeforeValidator(lambda value: in_unit(value, unit))


Kelvin = Annotated[float, _in_unit("K")]
Seconds = Annotated[float, _in_unit("s")]
Volts = Annotated[float, _in_unit("V")]
Amperes = Annotated[float, _in_unit("A")]
Hertz = Annotated[float, _in_unit("Hz")]
Gigahertz = Annotated[float, _in_unit("GHz")]
Degrees = Annotated[float, _in_unit("deg")]
Micrometres = Annotated[float, _in_unit("um")]
