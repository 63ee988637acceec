"""The profiles that come with the suite: dialects seen in the wild, found by name."""

import difflib
from importlib.resources import files
from pathlib import Path

from conformance.target.profile import Profile, ProfileError, load_profile, read_profile

_PROFILES = files("conformance.target") / "profiles"
_SUFFIX = ".toml"


def shipped_names() -> list[str]:
    """List the names of the profiles that come with the suite."""
    names = (one.name for one in _PROFILES.iterdir() if one.name.endswith(_SUFFIX))
    return sorted(name.removesuffix(_SUFFIX) for name in names)


def shipped_text(name: str) -> str:
    """Return the text of a bundled profile; `ProfileError`, with the nearest name, if there is
    none of this name."""
    names = shipped_names()
    if name not in names:
        nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0]
        raise ProfileError(f"no profile {name!r} comes with the suite; the nearest is {nearest}")
    return (_PROFILES / f"{name}{_SUFFIX}").read_text(encoding="utf-8")


def shipped_profile(name: str) -> Profile:
    """Return a profile that comes with the suite."""
    return read_profile(shipped_text(name), name)


def find_profile(path_or_name: str) -> Profile:
    """Find the profile in the file at this path, or else the bundled one of this name."""
    path = Path(path_or_name)
    if path.is_file() or path.suffix or len(path.parts) > 1:
        return load_profile(path)
    return shipped_profile(path_or_name)
