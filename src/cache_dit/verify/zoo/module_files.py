"""Modules by the paths of their files, which in different folders may have the same names."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

_set_aside: dict[Path, dict[str, ModuleType]] = {}
"""Folder that a file was loaded from -> its modules whose names others have at the moment."""


def load_module(name: str) -> ModuleType:
    """A module by its dotted name, or by the path of its file.

    A file's module has the plain name of the file, so that what lies beside it may import it, too.
    That name means the file that was loaded last.

    Raises:
        ValueError: it is not there, or its name is that of a module from elsewhere.
    """
    if not name.endswith(".py"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise ValueError(f"{name}: {error}. Give a module, or the path of a file.") from error
    path = Path(name).resolve()
    if not path.is_file():
        raise ValueError(f"{name}: there is no such file.")
    _turn_to(path.parent)
    module = importlib.import_module(path.stem)
    if Path(module.__file__ or "").resolve() != path:
        raise ValueError(f"{name}: another module is called {path.stem!r}. Rename the file.")
    return module


def _turn_to(folder: Path) -> None:
    """Plain names of what lies in a folder mean that, and not what another such folder has."""
    sys.path[:] = [str(folder), *(each for each in sys.path if each != str(folder))]
    for top in {each.stem for each in folder.iterdir()} & sys.modules.keys():
        home = _home(sys.modules[top])
        if home in _set_aside and home != folder:
            names = [each for each in sys.modules if each.split(".")[0] == top]
            _set_aside[home].update((each, sys.modules.pop(each)) for each in names)
    sys.modules.update(_set_aside.get(folder, {}))
    _set_aside[folder] = {}


def _home(module: ModuleType) -> Path | None:
    """The folder in which a module lies."""
    places = [*getattr(module, "__path__", []), getattr(module, "__file__", None)]
    return Path(places[0]).resolve().parent if places[0] else None
