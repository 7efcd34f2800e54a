"""Read COCO's form: {"images": [...], "annotations": [...], "categories": [...]}.

* If annotations have boxes or categories, there is one row for each picture: `image`, `boxes` as [[x, y, w, h], ...],
  `classes` with the name of each box's category and, if all annotations of the picture have the same category, `target`.
* Otherwise (captions, questions) there is one row for each annotation, with its keys and those of the picture. A picture
  without annotations gives one row with its own keys.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.data.sources.tables.row import Fault, ManifestFile, Row, malformed

_NAMES = ("file_name", "filename", "image", "path", "file")
_ABOUT_REGIONS = ("bbox", "category_id")


def is_coco(content: Any) -> bool:
    """Whether a JSON value has COCO's form."""
    if not isinstance(content, dict):
        return False
    images, annotations = content.get("images"), content.get("annotations")
    return (
        isinstance(images, list)
        and isinstance(annotations, list)
        and bool(images)
        and all(isinstance(image, dict) and "id" in image for image in images)
        and all(isinstance(annotation, dict) and "image_id" in annotation for annotation in annotations)
    )


def rows(file: ManifestFile, content: Mapping[str, Any]) -> Iterator[Row | Fault]:
    """The rows; `place` counts the pictures from 1 or, where each annotation is a row, the rows from 1."""
    images, annotations = content["images"], content["annotations"]
    of_picture: dict[Any, list[dict]] = {}
    for place, image in enumerate(images, start=1):
        if _key(image["id"]) in of_picture:
            yield malformed(file, place, 'is a picture of "images" whose id another one has too', str(image["id"]))
        of_picture.setdefault(_key(image["id"]), [])
    for place, annotation in enumerate(annotations, start=1):
        if (key := _key(annotation["image_id"])) in of_picture:
            of_picture[key].append(annotation)
        else:
            problem = 'is an annotation of a picture that "images" does not list'
            yield malformed(file, place, problem, str(annotation["image_id"]), "correct its image_id or remove it")
    if any(key in annotation for annotation in annotations for key in _ABOUT_REGIONS):
        yield from _pictures(file, images, of_picture, _categories(content))
    else:
        yield from _annotations(file, images, of_picture)


def _pictures(
    file: ManifestFile,
    images: Sequence[dict[str, Any]],
    of_picture: Mapping[str, Sequence[dict[str, Any]]],
    categories: Mapping[str, str],
) -> Iterator[Row | Fault]:
    with_boxes = any("bbox" in annotation for found in of_picture.values() for annotation in found)
    for place, image in enumerate(images, start=1):
        found = of_picture[_key(image["id"])]
        unknown = [key for key in map(_category, found) if key is not None and categories and key not in categories]
        if unknown:
            problem = 'has an annotation with a category that "categories" does not list'
            yield malformed(file, place, problem, unknown[0], "correct its category_id or list the category")
            continue
        names = [None if (key := _category(annotation)) is None else categories.get(key, key) for annotation in found]
        boxed = [
            (annotation["bbox"], name) for annotation, name in zip(found, names, strict=True) if "bbox" in annotation
        ]
        values: dict[str, Any] = dict(image) | {"image": _name(image)}
        if with_boxes:
            values |= {"boxes": [box for box, _ in boxed], "classes": [name or "" for _, name in boxed]}
        if len(set(names)) == 1 and names[0] is not None:
            values["target"] = names[0]
        yield Row(file.name, place, values)


def _annotations(
    file: ManifestFile, images: Sequence[dict[str, Any]], of_picture: Mapping[str, Sequence[dict[str, Any]]]
) -> Iterator[Row | Fault]:
    place = 0
    for image in images:
        about = {key: value for key, value in image.items() if key != "id"} | {"image": _name(image)}
        for annotation in of_picture[_key(image["id"])] or [{}]:
            place += 1
            yield Row(file.name, place, about | annotation)


def _categories(content: Mapping[str, Any]) -> dict[str, str]:
    listed = content.get("categories")
    found = listed if isinstance(listed, list) else []
    return {
        _key(category["id"]): str(category.get("name", category["id"]))
        for category in found
        if isinstance(category, dict) and "id" in category
    }


def _category(annotation: Mapping[str, Any]) -> str | None:
    value = annotation.get("category_id")
    return None if value is None else _key(value)


def _key(value: Any) -> str:
    """An id as text, because ids are numbers in some files, texts in others, and mixed in some."""
    return str(value)


def _name(image: Mapping[str, Any]) -> Any:
    return next((image[name] for name in _NAMES if image.get(name)), None)
