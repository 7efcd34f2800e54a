"""COCO's form: boxes and categories by picture, captions by annotation, and references that lead nowhere."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.data.sources.manifest_rows import Fault, Row, column_names, manifest_files, rows

IMAGES = [
    {"id": 7, "file_name": "a.jpg", "width": 64, "height": 48},
    {"id": 9, "file_name": "b.jpg", "width": 64, "height": 48},
    {"id": 3, "file_name": "c.jpg", "width": 64, "height": 48},
]
CATEGORIES = [{"id": 1, "name": "cat"}, {"id": 5, "name": "dog"}]


def read(folder: Path, annotations: list[dict], **other: Any) -> list[Row | Fault]:
    content = {"info": {}, "images": IMAGES, "annotations": annotations, "categories": CATEGORIES} | other
    (folder / "instances.json").write_text(json.dumps(content))
    (file,) = manifest_files(folder)
    return list(rows(file, column_names(file)))


def chosen(found: list[Row | Fault], *keys: str) -> list[tuple]:
    assert all(isinstance(row, Row) for row in found), found
    return [tuple(row.values.get(key) for key in keys) for row in found if isinstance(row, Row)]


def test_boxes_and_classes_are_gathered_by_picture(tmp_path: Path) -> None:
    annotations = [
        {"id": 1, "image_id": 9, "category_id": 1, "bbox": [1, 2, 3, 4]},
        {"id": 2, "image_id": 7, "category_id": 5, "bbox": [5, 6, 7, 8], "segmentation": [[0, 0, 1, 1]]},
        {"id": 3, "image_id": 9, "category_id": 5, "bbox": [9, 9, 9, 9]},
        {"id": 4, "image_id": 7, "category_id": 5, "bbox": [1, 1, 1, 1]},
    ]
    found = read(tmp_path, annotations)
    assert chosen(found, "image", "boxes", "classes", "target") == [
        ("a.jpg", [[5, 6, 7, 8], [1, 1, 1, 1]], ["dog", "dog"], "dog"),
        ("b.jpg", [[1, 2, 3, 4], [9, 9, 9, 9]], ["cat", "dog"], None),
        ("c.jpg", [], [], None),
    ]
    assert [row.place for row in found] == [1, 2, 3]


def test_categories_without_boxes_are_targets(tmp_path: Path) -> None:
    annotations = [{"id": index, "image_id": image["id"], "category_id": 1} for index, image in enumerate(IMAGES)]
    assert chosen(read(tmp_path, annotations), "target", "boxes") == [("cat", None)] * 3


def test_captions_give_a_row_each(tmp_path: Path) -> None:
    annotations = [
        {"id": 11, "image_id": 9, "caption": "a cat"},
        {"id": 12, "image_id": 7, "caption": "a dog"},
        {"id": 13, "image_id": 9, "caption": "one cat"},
    ]
    found = read(tmp_path, annotations)
    assert chosen(found, "id", "image", "caption") == [
        (12, "a.jpg", "a dog"),
        (11, "b.jpg", "a cat"),
        (13, "b.jpg", "one cat"),
        (None, "c.jpg", None),
    ]


def test_ids_may_be_numbers_here_and_texts_there(tmp_path: Path) -> None:
    annotations = [{"id": 1, "image_id": "7", "category_id": "1", "bbox": [1, 2, 3, 4]}]
    assert chosen(read(tmp_path, annotations), "target")[0] == ("cat",)


def test_categories_that_are_not_listed_go_by_number(tmp_path: Path) -> None:
    annotations = [{"id": 1, "image_id": 7, "category_id": 4, "bbox": [1, 2, 3, 4]}]
    assert chosen(read(tmp_path, annotations, categories=[]), "target")[0] == ("4",)


def test_references_that_lead_nowhere_are_faults(tmp_path: Path) -> None:
    annotations = [
        {"id": 1, "image_id": 7, "category_id": 2, "bbox": [1, 2, 3, 4]},
        {"id": 2, "image_id": 8, "category_id": 1, "bbox": [1, 2, 3, 4]},
    ]
    images = [*IMAGES, IMAGES[2] | {"file_name": "d.jpg"}]
    faults = [fault for fault in read(tmp_path, annotations, images=images) if isinstance(fault, Fault)]
    assert [(fault.place, fault.problem, fault.example) for fault in faults] == [
        (4, 'is a picture of "images" whose id another one has too', "'3'"),
        (2, 'is an annotation of a picture that "images" does not list', "'8'"),
        (1, 'has an annotation with a category that "categories" does not list', "'2'"),
    ]


@pytest.mark.parametrize("name", ["filename", "path"])
def test_pictures_go_by_other_names_too(tmp_path: Path, name: str) -> None:
    images = [{"id": 1, name: "x.jpg"}]
    annotations = [{"image_id": 1, "question": "who?", "answer": "me"}]
    assert chosen(read(tmp_path, annotations, images=images), "image", "question", "answer") == [
        ("x.jpg", "who?", "me")
    ]
