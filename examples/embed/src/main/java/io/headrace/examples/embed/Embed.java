package io.headrace.examples.embed;

import static java.util.Objects.requireNonNull;

import io.headrace.engine.Engine;
import io.headrace.engine.EngineContext;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.RecordsLease;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicSpec;
import io.headrace.engine.batch.RecordBatch;
import io.headrace.engine.batch.RecordBatchWriter;
import io.headrace.offheap.OffHeapContext;
import io.headrace.offheap.OffHeapMemoryStore;
import io.headrace.rocks.RocksMetadataStore;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

/**
 * Appends three records to a durable topic and reads them back. Run with the JVM flags of the
 * server's argument file.
 */
public final class Embed {
    private Embed() {}

    /**
     * @param args the data folder
     */
    public static void main(String[] args) throws Exception {
        var memory = new OffHeapMemoryStore(new OffHeapContext().budgetBytes(64 << 20));
        var context =
                new EngineContext()
                        .directory(Path.of(args[0]))
                        .memoryStore(memory)
                        .metadataStoreFactory(RocksMetadataStore::open);
        try (memory;
                Engine engine = Engine.launch(context)) {
            var spec = new TopicSpec("steps", 1, Map.of("headrace.storage.mode", "persistent"));
            engine.catalog().create(List.of(spec), false).get();
            Topic topic = requireNonNull(engine.catalog().find("steps"));
            PartitionLog log = requireNonNull(engine.partitionLog(topic, 0));

            ByteBuffer batch = ByteBuffer.allocateDirect(1024);
            var writer = new RecordBatchWriter().begin(batch, System.currentTimeMillis());
            for (String step : List.of("one", "two", "three")) {
                writer.append(System.currentTimeMillis(), null, utf8(step));
            }
            writer.end();
            long baseOffset = log.append(batch.flip());

            var durable = new CountDownLatch(1);
            log.onHighWatermark(baseOffset + writer.count(), durable::countDown);
            durable.await();
            try (RecordsLease records = (RecordsLease) log.read(baseOffset, 1 << 20)) {
                ByteBuffer bytes = records.slice(0);
                System.out.printf(
                        "read %d records from offset %d%n",
                        RecordBatch.recordCount(bytes, 0), RecordBatch.baseOffset(bytes, 0));
            }
        }
    }

    private static ByteBuffer utf8(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }
}
