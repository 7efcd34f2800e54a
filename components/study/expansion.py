"""From a short study to a complete one.

A short study says what it asks and what differs from its defaults, a file of `studies/defaults/`. The rules:

* mappings merge key by key; lists and single values replace what the defaults say;
* a budget in another currency replaces the currency of the defaults and keeps the rest;
* an arm is put together from the defaults' `arm`, then `architectures.ITS_ARCHITECTURE`, then what the study says of it;
* `like: OTHER` comes in between: the arm is what OTHER is. Which starts are run stays its own choice;
* an arm's architecture is the one it names, else that of `like`, else `controlled` if it has axes, else its own name;
* a task is put together from the defaults' `task` and what the study says of it; its kind is its name unless it names one;
* `arms` and `tasks` may be lists of names where nothing differs; `replicates: 3` means [0, 1, 2].
"""

from collections.abc import Mapping
from typing import Any

from components.errors import CeterisError
from components.study.arms import ArmSettings
from components.study.budget import CURRENCIES
from components.study.differences import NOT_SETTINGS
from components.study.study import Study
from components.study.tasks import TaskSettings

DEFAULTS = "defaults"
"""The key by which a short study names its defaults."""
BLOCKS = ("arm", "architectures", "task")
"""Keys of what arms and tasks begin from. A study may change them too; the complete study no longer has them."""
LIKE = "like"
MOST_REPLICATES = 100

Content = dict[str, Any]


def expand(short: Mapping[str, Any], defaults: Mapping[str, Any], where: str, defaults_file: str) -> Content:
    """The complete content of a study, as `Study` reads it. Values are checked there, keys of short studies here.

    Args:
        short: content of the short study, which is not changed.
        defaults: content of the defaults that it names.
        where: the file of the short study, for errors.
        defaults_file: the file of the defaults, for errors.

    Raises:
        CeterisError: a key is not known, or what an arm is like cannot be found.
    """
    for content, file in ((defaults, defaults_file), (short, where)):
        _check_keys(content, {*Study.model_fields, *BLOCKS, DEFAULTS}, "", file)
        _check_keys(_mapping(content, "arm", file), set(ArmSettings.model_fields), "arm.", file)
        _check_keys(_mapping(content, "task", file), set(TaskSettings.model_fields), "task.", file)
        for name, settings in _mapping(content, "architectures", file).items():
            _check_keys(settings or {}, set(ArmSettings.model_fields), f"architectures.{name}.", file)
    _check_keys(
        _mapping(short, "architectures", where), set(defaults.get("architectures") or {}), "architectures.", where
    )
    own = (DEFAULTS, "arms", "tasks", *BLOCKS)
    content = merge(
        {key: value for key, value in defaults.items() if key not in own},
        {key: value for key, value in short.items() if key not in own},
    )
    arm, task = (merge(defaults.get(key) or {}, short.get(key) or {}) for key in ("arm", "task"))
    usual, changed = (file.get("architectures") or {} for file in (defaults, short))
    architectures = {name: merge(settings or {}, changed.get(name) or {}) for name, settings in usual.items()}
    arms = _Arms(_named(short, "arms", where), arm, architectures, where, defaults_file)
    tasks = _named(short, "tasks", where)
    for name, says in tasks.items():
        _check_keys(says, set(TaskSettings.model_fields), f"tasks.{name}.", where)
    content["arms"] = {name: arms.complete(name) for name in arms.short}
    content["tasks"] = {name: merge({"kind": name, **task}, says) for name, says in tasks.items()}
    content["replicates"] = _replicates(content.get("replicates"), where)
    order = [key for key in Study.model_fields if key in content]
    return {key: content[key] for key in order}


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> Content:
    """What `base` says, changed where `change` says something else. Neither is changed itself."""
    currencies = set(CURRENCIES)
    if currencies & change.keys():
        base = {key: value for key, value in base.items() if key not in currencies}
    merged = dict(base)
    for key, value in change.items():
        before = base.get(key)
        merged[key] = merge(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return merged


class _Arms:
    """The arms of one short study, each put together when it is asked for.

    Attributes:
        short: what the study says of each arm.
    """

    def __init__(
        self,
        short: Mapping[str, Content],
        common: Content,
        architectures: Mapping[str, Content],
        where: str,
        defaults_file: str,
    ) -> None:
        self.short = short
        self._common, self._architectures = common, architectures
        self._where, self._defaults_file = where, defaults_file

    def complete(self, name: str, above: tuple[str, ...] = ()) -> Content:
        """All settings of an arm.

        Args:
            above: arms that are like this one, directly or through others.
        """
        says = dict(self.short[name])
        _check_keys(says, {*ArmSettings.model_fields, LIKE}, f"arms.{name}.", self._where)
        like = says.pop(LIKE, None)
        other = self._other(name, like, (*above, name)) if like is not None else {}
        architecture = says.get("architecture") or other.get("architecture")
        architecture = architecture or ("controlled" if says.get("axes") else name)
        if not isinstance(architecture, str) or architecture not in self._architectures:
            raise CeterisError(
                f"{self._where}: arms.{name} is of the architecture {architecture!r}, which {self._defaults_file} does not "
                f"list: name another one in arms.{name}.architecture, or add it there. It lists {', '.join(self._architectures)}."
            )
        usual = merge(self._common, self._architectures[architecture])
        return merge(merge({"architecture": architecture, **usual}, other), says)

    def _other(self, name: str, like: object, above: tuple[str, ...]) -> Content:
        """What the arm is that another one is like, without which of its starts are run."""
        if not isinstance(like, str) or like not in self.short:
            raise CeterisError(
                f"{self._where}: arms.{name}.like is {like!r}, which is no arm of the study: choose from "
                f"{', '.join(self.short)}."
            )
        if like in above:
            raise CeterisError(f"{self._where}: arms.{name}.like leads back to {like}: let one of them say what it is.")
        return {key: value for key, value in self.complete(like, above).items() if key not in NOT_SETTINGS}


def shorten(complete: Mapping[str, Any], defaults: Mapping[str, Any]) -> Content:
    """A short study that expands to a complete one: what differs from the defaults.

    Args:
        complete: content of a complete study, as `Study` writes it.
        defaults: content of the defaults that the short study will name.
    """
    short = _difference(
        {key: value for key, value in complete.items() if key not in ("arms", "tasks", "replicates")}, defaults
    )
    count = len(complete["replicates"])
    short["replicates"] = count if complete["replicates"] == list(range(count)) else complete["replicates"]
    common, usual = defaults.get("arm", {}), defaults.get("architectures", {})
    short["arms"] = {}
    for name, arm in complete["arms"].items():
        implied = "controlled" if arm["axes"] else name
        told = {} if arm["architecture"] == implied else {"architecture": arm["architecture"]}
        rest = {key: value for key, value in arm.items() if key != "architecture"}
        short["arms"][name] = told | _difference(rest, merge(common, usual.get(arm["architecture"], {})))
    short["tasks"] = {
        name: _difference(task, {"kind": name, **defaults.get("task", {})}) for name, task in complete["tasks"].items()
    }
    first = [key for key in ("name", "replicates", "arms", "tasks") if key in short]
    return {key: short[key] for key in (*first, *(key for key in short if key not in first))}


def _difference(complete: Mapping[str, Any], defaults: Mapping[str, Any]) -> Content:
    found: Content = {}
    for key, value in complete.items():
        before = defaults.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            if inner := _difference(value, before):
                found[key] = inner
        elif key not in defaults or value != before:
            found[key] = value
    return found


def _named(content: Mapping[str, Any], key: str, where: str) -> dict[str, Content]:
    """Arms or tasks by name: a list of names, or a mapping in which nothing may be said of a name."""
    given = content.get(key) or {}
    if isinstance(given, list):
        if twice := sorted({str(name) for name in given if given.count(name) > 1}):
            raise CeterisError(f"{where}: {key} names {twice[0]} twice.")
        return {str(name): {} for name in given}
    found = _mapping(content, key, where)
    return {str(name): dict(_mapping(found, name, where, f"{key}.{name}")) for name in found}


def _mapping(content: Mapping[str, Any], key: str, where: str, path: str | None = None) -> Mapping[str, Any]:
    value = content.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise CeterisError(f"{where}: {path or key} must hold keys with values, not {value!r}.")
    return value


def _check_keys(content: Mapping[str, Any], known: set[str], path: str, where: str) -> None:
    if not isinstance(content, Mapping):
        raise CeterisError(f"{where}: {path.rstrip('.') or 'the file'} must hold keys with values, not {content!r}.")
    if unknown := [str(key) for key in content if key not in known]:
        raise CeterisError(f"{where}: there is no key {path}{unknown[0]}: choose from {', '.join(sorted(known))}.")


def _replicates(given: object, where: str) -> object:
    if isinstance(given, bool) or not isinstance(given, int):
        return given
    if not 1 <= given <= MOST_REPLICATES:
        raise CeterisError(f"{where}: replicates is {given}: ask for 1 to {MOST_REPLICATES}.")
    return list(range(given))
