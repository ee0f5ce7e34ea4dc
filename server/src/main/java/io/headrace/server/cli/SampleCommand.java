package io.headrace.server.cli;

import io.headrace.engine.batch.SampleParts;
import io.headrace.server.show.Parts;
import io.headrace.server.show.Printable;
import io.headrace.server.show.Units;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code headrace sample}: shows records, and saves their parts. */
@Command(name = "sample", description = "Show samples of a topic, and save their parts.")
public final class SampleCommand implements Callable<Integer> {
    private static final int TEXT_SHOWN_MAX = 200;
    private static final int COUNT_MAX = 10_000;

    @Spec private CommandSpec spec;
    @Mixin private ClientOptions client = new ClientOptions();

    @Parameters(paramLabel = "TOPIC")
    private String topic = "";

    @Option(names = "--offset", paramLabel = "N", required = true, description = "Of the first.")
    private long offset;

    @Option(
            names = "--partition",
            paramLabel = "P",
            defaultValue = "0",
            description = "Default: ${DEFAULT-VALUE}.")
    private int partition;

    @Option(
            names = "--count",
            paramLabel = "K",
            defaultValue = "1",
            description = "How many; default: ${DEFAULT-VALUE}.")
    private int count;

    @Option(
            names = "--save",
            paramLabel = "DIR",
            description = "Write each part to DIR/TOPIC-PARTITION-OFFSET.PART.")
    private @Nullable Path folder;

    @Override
    public Integer call() throws IOException {
        if (count < 1 || count > COUNT_MAX || offset < 0) {
            throw new CommandException(
                    "not to be had: --offset %d (0 or more) --count %d (1 to %d)"
                            .formatted(offset, count, COUNT_MAX));
        }
        PartFiles files = folder == null ? null : new PartFiles(folder);
        try (RecordReader reader = RecordReader.open(client, topic, partition)) {
            List<ConsumerRecord<byte[], byte[]>> records = reader.read(offset, count);
            for (ConsumerRecord<byte[], byte[]> record : records) {
                show(record, files);
            }
        }
        out().flush();
        return 0;
    }

    private void show(ConsumerRecord<byte[], byte[]> record, @Nullable PartFiles files)
            throws IOException {
        byte[] value = record.value();
        out().println(
                        "%s partition %d offset %d, %s, %s"
                                .formatted(
                                        record.topic(),
                                        record.partition(),
                                        record.offset(),
                                        value == null ? "no value" : Units.bytes(value.length),
                                        time(record)));
        line("key", record.key());
        for (Header header : record.headers()) {
            line(Printable.of(header.key(), TEXT_SHOWN_MAX), header.value());
        }
        if (value != null) {
            showParts(record, parts(record, value), files);
        }
        out().println();
    }

    private static String time(ConsumerRecord<?, ?> record) {
        return record.timestamp() < 0
                ? "no timestamp"
                : Instant.ofEpochMilli(record.timestamp()).toString();
    }

    private void line(String name, byte @Nullable [] value) {
        String text = value == null ? "none" : new String(value, StandardCharsets.UTF_8);
        out().println("  %-16s  %s".formatted(name, Printable.of(text, TEXT_SHOWN_MAX)));
    }

    private void showParts(
            ConsumerRecord<byte[], byte[]> record,
            Map<String, ByteBuffer> parts,
            @Nullable PartFiles files)
            throws IOException {
        Parts shown = new Parts();
        parts.forEach((name, bytes) -> shown.add(name, bytes, bytes.remaining()));
        shown.print(out());
        if (files != null) {
            for (Map.Entry<String, ByteBuffer> part : parts.entrySet()) {
                out().println("  saved " + files.save(record, part.getKey(), part.getValue()));
            }
        }
    }

    private static Map<String, ByteBuffer> parts(
            ConsumerRecord<byte[], byte[]> record, byte[] value) {
        Header format = record.headers().lastHeader(SampleParts.FORMAT_HEADER);
        boolean isMultiPart =
                format != null
                        && SampleParts.FORMAT.equals(
                                new String(format.value(), StandardCharsets.UTF_8));
        try {
            return isMultiPart ? SampleParts.decode(value) : Map.of("", ByteBuffer.wrap(value));
        } catch (IllegalArgumentException e) {
            throw new CommandException(
                    "%s partition %d offset %d: %s"
                            .formatted(
                                    record.topic(),
                                    record.partition(),
                                    record.offset(),
                                    e.getMessage()));
        }
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
