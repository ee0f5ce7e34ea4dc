"""Writes a tar with Python's tarfile: write_tar.py FILE FORMAT COUNT NAME_LENGTH."""
import io
import sys
import tarfile

path, layout, count, name_length = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
formats = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
with tarfile.open(path, "w", format=formats[layout], pax_headers={"comment": "a shard"}) as tar:
    for i in range(count):
        for part in ("jpg", "json", "cls"):
            info = tarfile.TarInfo("d/" * (i % 3) + "é" * (layout == "pax") + "n" * name_length + f"{i}.{part}")
            info.size = i * 37 % 700
            tar.addfile(info, io.BytesIO(bytes(j * 7 + i & 0xFF for j in range(info.size))))
