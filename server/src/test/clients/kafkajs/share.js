// See ../README.md, "Members of a group"; kafkajs.
'use strict';

const { Kafka, logLevel } = require('kafkajs');

const [bootstrap, groupId, topic, clientId] = process.argv.slice(2);

async function main() {
  const kafka = new Kafka({ clientId, brokers: [bootstrap], logLevel: logLevel.WARN });
  const consumer = kafka.consumer({ groupId, heartbeatInterval: 200, maxWaitTimeInMs: 500 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch, isRunning, isStale }) => {
      for (const message of batch.messages) {
        if (!isRunning() || isStale()) {
          return;
        }
        process.stdout.write(`${message.value}\n`);
        const offset = (BigInt(message.offset) + 1n).toString();
        await consumer.commitOffsets([{ topic, partition: batch.partition, offset }]);
      }
    },
  });
  process.on('SIGTERM', async () => {
    await consumer.disconnect();
    process.exit(0);
  });
  process.stdout.write('started\n');
}

main().catch((failure) => {
  console.error(failure);
  process.exit(1);
});
