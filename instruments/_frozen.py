"""Attributes that cannot be mistyped."""

import difflib
from typing import Any

from pymeasure.instruments import Channel


class Frozen:
    """Refuse to set an attribute that the class does not define as a setting.

    Without this ``controller.output_1.heater_range = 1`` is accepted and does nothing, because the real name
    is ``range``.
    """

    _frozen = False

    def _freeze(self) -> None:
        """Freeze this object and its channels, at the end of construction."""
        for value in list(vars(self).values()):
            if isinstance(value, Frozen) and isinstance(value, Channel):
                value._freeze()
        self._frozen = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._frozen and not self._may_set(name):
            raise AttributeError(self._refusal(name))
        super().__setattr__(name, value)

    def _may_set(self, name: str) -> bool:
        if name == "isShutdown" or (name.startswith("_") and name in vars(self)):
            return True
        if name in vars(self).get("_special_names", ()):
            return True
        return hasattr(getattr(type(self), name, None), "__set__")

    def _refusal(self, name: str) -> str:
        settings = [n for n in dir(type(self)) if not n.startswith("_") and self._may_set(n)]
        near = [n for n in settings if n in name or name in n]
        near += [n for n in difflib.get_close_matches(name, settings, n=3, cutoff=0.5) if n not in near]
        hint = f" Did you mean {' or '.join(repr(n) for n in near[:3])}?" if near else ""
        return f"{type(self).__name__} has no setting {name!r}.{hint}"
