"""What a study says of the scenes source."""

from pydantic import Field

from components.study.base import Strict


class ScenesSettings(Strict):
    """How many scenes the generator draws for each part. Splits share no scene."""

    seed: int = Field(ge=0)
    pairs: int = Field(ge=64, description="captioned pictures for multimodal pretraining")
    text_only: int = Field(ge=64, description="sentences without a picture, for text pretraining")
    image_only: int = Field(ge=64, description="labelled pictures without text, for image pretraining")
    train: int = Field(ge=64, description="scenes with questions and statements to fine-tune on")
    validation: int = Field(ge=32)
    selection: int = Field(ge=32, description="scenes on which architectures are chosen: the test split")
    gate: int = Field(ge=32, description="scenes on which promotion is decided, used for nothing else")
    generalisation: int = Field(ge=32, description="scenes in each generalisation split")
