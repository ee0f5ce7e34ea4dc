"""Reads QEMU's blklogwrites, which is the format of Linux's dm-log-writes (its admin guide, device-mapper/log-writes):
a superblock, then per request an entry of one sector and, for writes, its data."""
import struct

MAGIC = 0x6A736677736872
SECTOR = 512
FLUSH, FUA, DISCARD = 1, 2, 4


def entries(log, offset=None):
    """Yields (disk offset, length, flags, offset of the data in the log, offset of the next entry).

    The count in the superblock lags behind: entries are read until there are none; the file is zeros beyond.
    """
    log.seek(0)
    magic, version, _, sector_size = struct.unpack("<QQQI", log.read(28))
    if magic == 0:
        # QEMU writes the superblock at a flush; a guest that has not flushed has none.
        sector_size = SECTOR
    elif magic != MAGIC or version != 1:
        raise SystemExit("not a log of writes: magic=%x version=%d" % (magic, version))
    offset = offset or sector_size
    while True:
        log.seek(offset)
        header = log.read(32)
        if len(header) < 32:
            return
        sector, sectors, flags, _ = struct.unpack("<QQQQ", header)
        if sectors == 0 and flags == 0:
            return
        data_at = offset + sector_size
        offset = data_at if flags & DISCARD else data_at + sectors * sector_size
        yield sector * sector_size, sectors * sector_size, flags, data_at, offset
