#!/usr/bin/env python3
"""One of several processes that read a dataset for some epochs, as a data loader's workers do.

usage: worker.py INDEX COUNT EPOCHS files FOLDER
       worker.py INDEX COUNT EPOCHS s3 ENDPOINT BUCKET FOLDER ACCESS_KEY SECRET_KEY
       worker.py INDEX COUNT EPOCHS kafka BOOTSTRAP TOPIC SAMPLES

Each reads every COUNT-th sample, and prints the bytes that it read and the exclusive or of the
samples' CRC-32, which is the same whatever the order.
"""

import datetime
import hashlib
import hmac
import http.client
import os
import sys
import urllib.parse
import xml.etree.ElementTree
import zlib


class Files:
    """Files of a folder, opened and read as a whole."""

    def __init__(self, index, count, folder):
        names = sorted(os.listdir(folder))[index::count]
        self.paths = [os.path.join(folder, name) for name in names]

    def epoch(self):
        for path in self.paths:
            with open(path, "rb") as file:
                yield file.read()


class S3:
    """Objects of a bucket, over one connection, each with one request."""

    def __init__(self, index, count, endpoint, bucket, folder, access_key, secret_key):
        self.host = urllib.parse.urlparse(endpoint).netloc
        self.bucket = bucket
        self.access_key = access_key
        self.secret_key = secret_key
        self.connection = http.client.HTTPConnection(self.host)
        self.keys = self.list(folder + "/")[index::count]

    def list(self, prefix):
        keys, after = [], ""
        while True:
            query = {"list-type": "2", "prefix": prefix}
            if after:
                query["start-after"] = after
            page = xml.etree.ElementTree.fromstring(self.get("/" + self.bucket, query))
            keys += [element.text for element in page.findall("{*}Contents/{*}Key")]
            if page.findtext("{*}IsTruncated") != "true":
                return keys
            after = keys[-1]

    def get(self, path, query):
        quoted = "&".join(
            f"{key}={urllib.parse.quote(value, safe='')}" for key, value in sorted(query.items())
        )
        target = urllib.parse.quote(path)
        self.connection.request(
            "GET", target + ("?" + quoted if quoted else ""), headers=self.sign(target, quoted)
        )
        response = self.connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise OSError(f"{target}: {response.status} {body[:200]}")
        return body

    def sign(self, target, query):
        """AWS Signature Version 4 of a GET without a body."""
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        payload = hashlib.sha256(b"").hexdigest()
        headers = {"host": self.host, "x-amz-content-sha256": payload, "x-amz-date": stamp}
        names = ";".join(sorted(headers))
        canonical = "\n".join(
            ["GET", target, query]
            + [f"{name}:{headers[name]}" for name in sorted(headers)]
            + ["", names, payload]
        )
        scope = f"{day}/us-east-1/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n" + hashlib.sha256(canonical.encode()).hexdigest()
        key = ("AWS4" + self.secret_key).encode()
        for piece in scope.split("/"):
            key = hmac.new(key, piece.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )
        return headers

    def epoch(self):
        for key in self.keys:
            yield self.get(f"/{self.bucket}/{key}", {})


class Kafka:
    """A partition of a topic that has one for each worker, read by the stock consumer."""

    def __init__(self, index, count, bootstrap, topic, samples):
        import confluent_kafka

        self.count = len(range(index, int(samples), count))
        self.start = confluent_kafka.TopicPartition(topic, index, 0)
        self.consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "none",
                "enable.auto.commit": False,
                # as HeadraceDataset has it: who seeks back waits for the fetch that it left at the end
                "fetch.wait.max.ms": 20,
            }
        )

    def epoch(self):
        self.consumer.assign([self.start])
        left = self.count
        while left:
            for message in self.consumer.consume(min(left, 500), 30):
                if message.error():
                    raise OSError(str(message.error()))
                left -= 1
                yield message.value()


def main(index, count, epochs, kind, *arguments):
    reader = {"files": Files, "s3": S3, "kafka": Kafka}[kind](int(index), int(count), *arguments)
    length, check = 0, 0
    for _ in range(int(epochs)):
        for sample in reader.epoch():
            length += len(sample)
            check ^= zlib.crc32(sample)
    print(length, check)


if __name__ == "__main__":
    main(*sys.argv[1:])
