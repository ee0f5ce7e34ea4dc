"""Writes TFRecords, with a CRC32C by its polynomial, bit by bit: write_tfrecord.py FILE COUNT."""
import struct
import sys


def masked_crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


with open(sys.argv[1], "wb") as shard:
    for i in range(int(sys.argv[2])):
        length, data = struct.pack("<Q", i * 13 % 50), bytes(j * i + 3 & 0xFF for j in range(i * 13 % 50))
        shard.write(length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data)))
