"""The arms of a study as a table of plain text: one row each, and only the columns in which arms differ."""

from typing import Any

from components.study.arms import ArmSettings
from components.study.study import Study


def arm_table(study: Study) -> str:
    """One line for every arm, with a heading; columns are settings, axes and what the intermediate step reads."""
    described = {name: _described(arm) for name, arm in study.arms.items()}
    keys = list(dict.fromkeys(key for values in described.values() for key in values))
    told = [key for key in keys if len({values[key] for values in described.values() if key in values}) > 1]
    rows = [["arm", *told]]
    rows += [[name, *(values.get(key, "") for key in told)] for name, values in described.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )


def _described(arm: ArmSettings) -> dict[str, str]:
    """Every setting by name; axes and what is read of the data one by one."""
    values: dict[str, Any] = {
        **arm.model_dump(exclude={"axes", "pairs", "freezing"}),
        "frozen": [rule.pattern for rule in arm.freezing],
        **(arm.axes.model_dump() if arm.axes else {}),
        **{str(axis): level for axis, level in arm.pairs.levels.items()},
    }
    return {key: ", ".join(value) or "-" if isinstance(value, list) else str(value) for key, value in values.items()}
