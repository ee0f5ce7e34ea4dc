"""Writes an MDS shard as MDSWriter of mosaicml/streaming lays it out: write_mds.py FILE COUNT."""
import json
import struct
import sys

path, count = sys.argv[1], int(sys.argv[2])
columns = {"caption": ("str", None), "id": ("int64", 8), "image": ("bytes", None)}
config = {
    "version": 2, "format": "mds", "compression": None, "hashes": ["sha1"], "size_limit": 67108864,
    "column_names": sorted(columns),
    "column_encodings": [columns[name][0] for name in sorted(columns)],
    "column_sizes": [columns[name][1] for name in sorted(columns)],
}
description = json.dumps(config, sort_keys=True).encode()
samples = []
for i in range(count):
    caption, image = f"sample {i} ü".encode(), bytes(j * i & 0xFF for j in range(i * 31 % 97))
    samples.append(struct.pack("<II", len(caption), len(image)) + caption + struct.pack("<q", i) + image)
offsets = [4 + 4 * (count + 1) + len(description)]
for sample in samples:
    offsets.append(offsets[-1] + len(sample))
with open(path, "wb") as shard:
    shard.write(struct.pack(f"<I{count + 1}I", count, *offsets) + description + b"".join(samples))
