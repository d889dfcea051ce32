"""Figures of a run: kept in its folder, named on the terminal."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure
from rich.console import Console

__all__ = ["save"]


def save(folder: Path, figures: Mapping[str, Figure], console: Console) -> list[Path]:
    """Write figures as PNG into a folder, which is made if need be, and print where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in figures.items():
        paths.append(folder / f"{name}.png")
        figure.savefig(paths[-1], dpi=150)
        console.print(f"figure: {paths[-1]}", highlight=False, soft_wrap=True)
    return paths
