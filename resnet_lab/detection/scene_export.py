"""Drawn scenes as a VOC folder and as COCO JSON, for other programs and for our own readers.

Paper: nowhere; the scenes stand in for VOC and COCO.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_voc.py.
"""

import io
import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from resnet_lab.detection import columns, voc_xml
from resnet_lab.detection.targets import DetectionData, Target
from resnet_lab.detection.voc_xml import Thing
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole


def to_voc(data: DetectionData, folder: Path, split: str = "trainval") -> Path:
    """Write JPEGImages (as PNG, which loses nothing), Annotations and ImageSets; the folder.

    Another split can be added to the same folder if its images have other names.

    Raises: InputError if an image's file is there already, or cannot be written.
    """
    folder, names = Path(folder), []
    for image, found in each(data):
        picture = folder / "JPEGImages" / f"{found.image_id}.png"
        if picture.exists():
            raise InputError(f"{picture} is there already; name a new folder")
        write_whole(picture, png(image))
        note = folder / "Annotations" / f"{found.image_id}.xml"
        write_whole(note, page(found, picture.name, data.classes))
        names.append(found.image_id)
    list_ = folder / "ImageSets" / "Main" / f"{split}.txt"
    write_whole(list_, "".join(name + "\n" for name in names))
    return folder


def page(found: Target, file: str, classes: Sequence[str]) -> bytes:
    """The XML of one image; an object is truncated where its box touches the border."""
    boxes = columns.to_voc(found.boxes.double().numpy())
    height, width = found.size
    things = [
        Thing(classes[label - 1], tuple(box), difficult)
        for box, label, difficult in zip(
            boxes.tolist(), found.labels.tolist(), found.difficult.tolist(), strict=True
        )
    ]
    cut = [
        x0 <= 0 or y0 <= 0 or x1 >= width or y1 >= height for x0, y0, x1, y1 in found.boxes.tolist()
    ]
    return voc_xml.write(things, file=file, size=found.size, truncated=cut)


def to_coco(data: DetectionData, folder: Path, split: str = "train") -> Path:
    """Write folder/`split` and folder/annotations/instances_`split`.json; the JSON file.

    COCO knows no difficult objects: they are written as crowds. Category ids have gaps, as COCO's
    own: 1, 3, 5 ...

    Raises: InputError if an image's file is there already, or cannot be written.
    """
    folder, images, objects = Path(folder), [], []
    for number, (image, found) in enumerate(each(data), start=1):
        picture = folder / split / f"{found.image_id}.png"
        if picture.exists():
            raise InputError(f"{picture} is there already; name a new folder")
        write_whole(picture, png(image))
        height, width = found.size
        images.append({"id": number, "file_name": picture.name, "width": width, "height": height})
        for box, label, area, crowd in zip(
            columns.to_coco(found.boxes.double().numpy()).tolist(),
            found.labels.tolist(),
            found.area.tolist(),
            (found.crowd | found.difficult).int().tolist(),
            strict=True,
        ):
            row = {"id": len(objects) + 1, "image_id": number, "category_id": 2 * label - 1}
            objects.append(row | {"bbox": box, "area": area, "iscrowd": crowd})
    categories = [{"id": 2 * k + 1, "name": name} for k, name in enumerate(data.classes)]
    whole = {"images": images, "categories": categories, "annotations": objects}
    file = folder / "annotations" / f"instances_{split}.json"
    write_whole(file, json.dumps(whole, allow_nan=False))
    return file


def each(data: DetectionData):
    """Every image and target, in order."""
    return (data[i] for i in range(len(data)))


def png(image: Tensor) -> bytes:
    """The bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(file, "PNG")
    return file.getvalue()
