"""Settings of small scenes, and what they hold out."""

from components.data.scenes.settings import ScenesSettings
from components.data.sources.manifest_settings import ManifestSettings
from components.study.data_settings import DataSettings

GENERAL = ["general_combinations", "general_counts", "general_paraphrases", "general_relations"]
SIZES = {"train": 800, "validation": 101, "selection": 1600, "gate": 64, **dict.fromkeys(GENERAL, 200)}
HELD_OUT = {(1, 3), (3, 4), *((digit % 6 + 1, digit + 5) for digit in range(10))}


def data_settings(**sizes: int) -> DataSettings:
    given = {"pairs": 400, "text_only": 300, "image_only": 200, "generalisation": 200} | sizes
    return DataSettings(
        source="scenes",
        path="components/data/scenes",
        image_size=48,
        scenes=ScenesSettings(
            seed=3, **{name: SIZES[name] for name in ("train", "validation", "selection", "gate")} | given
        ),
        manifest=ManifestSettings(seed=0, selection_fraction=0, gate_fraction=0, validation_fraction=0),
    )
