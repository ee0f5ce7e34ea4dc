// See ../README.md; kafkajs, with its codec plugins written anew over pure JavaScript libraries.
'use strict';

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require('kafkajs');
const lz4 = require('lz4js');
const snappy = require('snappyjs');
const { ZstdCodec } = require('zstd-codec');

const [bootstrap, phase, prefix, codecs, countText] = process.argv.slice(2);
const count = Number(countText);
const half = count / 2;

const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);

// The Java client wraps snappy in blocks of its own; others send it plain.
function uncompressSnappy(buffer) {
  if (!buffer.subarray(0, 8).equals(XERIAL_MAGIC)) {
    return snappy.uncompress(buffer);
  }
  const blocks = [];
  for (let i = 16; i < buffer.length; ) {
    const length = buffer.readUInt32BE(i);
    blocks.push(snappy.uncompress(buffer.subarray(i + 4, i + 4 + length)));
    i += 4 + length;
  }
  return Buffer.concat(blocks);
}

function useCodecs(zstd) {
  const codec = (compress, decompress) => () => ({
    compress: async (encoder) => Buffer.from(compress(encoder.buffer)),
    decompress: async (buffer) => Buffer.from(decompress(buffer)),
  });
  CompressionCodecs[CompressionTypes.Snappy] = codec((b) => snappy.compress(b), uncompressSnappy);
  CompressionCodecs[CompressionTypes.LZ4] = codec((b) => lz4.compress(b), (b) => lz4.decompress(b));
  CompressionCodecs[CompressionTypes.ZSTD] = codec(
    (b) => zstd.compress(b),
    (b) => zstd.decompress(b)
  );
}

const TYPES = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
};

const valueOf = (i) => `${i}:${'x'.repeat(200)}`;

async function produce(kafka, topic, codec) {
  const producer = kafka.producer();
  await producer.connect();
  const messages = [];
  for (let i = 0; i < count; i++) {
    messages.push({ value: valueOf(i), partition: 0 });
  }
  await producer.send({ topic, messages, acks: -1, compression: TYPES[codec] });
  await producer.disconnect();
}

async function consume(kafka, topic, codec, start) {
  const end = start + half;
  const consumer = kafka.consumer({ groupId: topic });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('nothing received in time')), 30000);
    consumer.on(consumer.events.CRASH, (event) => reject(event.payload.error));
    consumer.run({
      autoCommit: false,
      eachMessage: async ({ message }) => {
        const text = message.value.toString();
        const number = Number(text.split(':')[0]);
        if (text !== valueOf(number)) {
          reject(new Error(`wrong bytes: ${text}`));
        }
        if (number < end) {
          console.log(`${codec} ${number}`);
        }
        if (number === end - 1) {
          clearTimeout(timer);
          resolve();
        }
      },
    });
  });
  await consumer.commitOffsets([{ topic, partition: 0, offset: String(end) }]);
  await consumer.disconnect();
}

async function main() {
  useCodecs(await new Promise((resolve) => ZstdCodec.run((zstd) => resolve(new zstd.Simple()))));
  const kafka = new Kafka({ clientId: 'kafkajs', brokers: [bootstrap], logLevel: logLevel.ERROR });
  for (const codec of codecs.split(',')) {
    const topic = `${prefix}-${codec}`;
    if (phase === 'first') {
      await produce(kafka, topic, codec);
    }
    await consume(kafka, topic, codec, phase === 'first' ? 0 : half);
  }
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  }
);
