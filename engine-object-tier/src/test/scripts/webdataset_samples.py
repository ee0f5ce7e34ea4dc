"""Prints the samples of a tar file as Python's tarfile and webdataset's rules find them, one part per
line: number of the sample, key, name of the part, position and length of its data; separated by tabs."""
import re
import sys
import tarfile

NAME = re.compile(r"^((?:.*/|)[^.]+)[.]([^/]*)$")  # base_plus_ext of webdataset/tariterators.py
META = re.compile(r"__[^/]*__($|/)")  # skip_meta of tar_file_iterator

sample, key = -1, None
with tarfile.open(sys.argv[1]) as tar:
    for member in tar:
        match = NAME.match(member.name)
        if not member.isreg() or META.match(member.name) or not match:
            continue
        if sample < 0 or match.group(1) != key:
            sample, key = sample + 1, match.group(1)
        print(sample, key, match.group(2), member.offset_data, member.size, sep="\t")
