"""Training data from Headrace, or any Kafka topic, into PyTorch.

    dataset = HeadraceDataset("digits", decode=Parts(jpg=Image("RGB", (224, 224)), cls=text))
    loader = HeadraceLoader(dataset, batch_size=64, num_workers=4)
    for epoch in range(loader.epoch, 10):
        for batch in loader:
            ...
            checkpoint["data"] = loader.state_dict()

`headrace.order` explains which sample goes to whom.
"""

from headrace.bookmarks import BookmarkError, Bookmarks, Saved
from headrace.dataset import HeadraceDataset, merge_state_dicts
from headrace.decoders import Image, Parts, Tokens, Value, by_header, json, raw, text
from headrace.extent import AdminExtents, Extent, IndexIncomplete, KafkaExtents
from headrace.group import HeadraceGroupDataset
from headrace.loader import HeadraceLoader
from headrace.parts import PartsError
from headrace.reader import LostRecords
from headrace.record import Record

__all__ = [
    "AdminExtents",
    "BookmarkError",
    "Bookmarks",
    "Extent",
    "HeadraceDataset",
    "HeadraceGroupDataset",
    "HeadraceLoader",
    "Image",
    "IndexIncomplete",
    "KafkaExtents",
    "LostRecords",
    "Parts",
    "PartsError",
    "Record",
    "Saved",
    "Tokens",
    "Value",
    "by_header",
    "json",
    "merge_state_dicts",
    "raw",
    "text",
]
