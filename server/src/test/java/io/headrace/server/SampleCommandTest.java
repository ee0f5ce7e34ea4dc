package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code headrace sample} reads with Kafka's consumer what Kafka's producer wrote. */
class SampleCommandTest {
    private static final byte[] GIF =
            HexFormat.of().parseHex("47494638396102000300000000"); // 2 by 3

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir Path folder;
    private HeadraceServer server;

    @BeforeEach
    void launch() throws Exception {
        server = HeadraceServer.launch(ServerTestSettings.config(folder.resolve("data")));
        try (Admin admin = Admin.create(properties())) {
            admin.createTopics(List.of(new NewTopic("t", 2, (short) 1))).all().get();
        }
    }

    @AfterEach
    void close() {
        server.close();
    }

    private Map<String, Object> properties() {
        return Map.of("bootstrap.servers", "127.0.0.1:" + server.kafkaPort());
    }

    private void produce(String key, byte[] value, String... headers) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(
                        properties(), new ByteArraySerializer(), new ByteArraySerializer())) {
            ProducerRecord<byte[], byte[]> record =
                    new ProducerRecord<>("t", 1, 1_700_000_000_000L, utf8(key), value);
            for (int i = 0; i < headers.length; i += 2) {
                record.headers().add(new RecordHeader(headers[i], utf8(headers[i + 1])));
            }
            producer.send(record).get();
        }
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** MessagePack: a short map of short names to short values. */
    private static byte[] parts(Object... namesAndValues) throws IOException {
        ByteArrayOutputStream map = new ByteArrayOutputStream();
        map.write(0x80 | namesAndValues.length / 2);
        for (int i = 0; i < namesAndValues.length; i += 2) {
            byte[] name = utf8((String) namesAndValues[i]);
            byte[] value = (byte[]) namesAndValues[i + 1];
            map.write(0xa0 | name.length);
            map.write(name);
            map.write(0xc4);
            map.write(value.length);
            map.write(value);
        }
        return map.toByteArray();
    }

    private int run(String... arguments) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Headrace.commandLine()
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(
                        Stream.of(
                                        Stream.of("sample", "--bootstrap-server"),
                                        Stream.of("127.0.0.1:" + server.kafkaPort()),
                                        Stream.of(arguments))
                                .flatMap(part -> part)
                                .toArray(String[]::new));
    }

    @Test
    void showsASampleOfSeveralParts() throws Exception {
        produce(
                "n01440764/7",
                parts("gif", GIF, "cls", utf8("281"), "txt", utf8("a\u001b[2Jfish")),
                "headrace.format",
                "parts",
                "headrace.object",
                "train/0.tar");
        assertEquals(0, run("t", "--partition", "1", "--offset", "0"), err::toString);
        assertEquals(
                """
                t partition 1 offset 0, 44 B, 2023-11-14T22:13:20Z
                  key               n01440764/7
                  headrace.format   parts
                  headrace.object   train/0.tar
                  gif        13 B  GIF image, 2 × 3
                  cls         3 B  text: 281
                  txt         9 B  binary: 61 1b 5b 32 4a 66 69 73 68

                """,
                out.toString());
    }

    @Test
    void showsAsManyAsAreWantedAndThere() throws Exception {
        for (int i = 0; i < 5; i++) {
            produce("k" + i, utf8("line " + i));
        }
        assertEquals(0, run("t", "--partition", "1", "--offset", "1", "--count", "2"));
        assertTrue(out.toString().contains("value       6 B  text: line 1\n"), out::toString);
        assertTrue(out.toString().contains("line 2"), out::toString);
        assertFalse(out.toString().contains("line 3"), out::toString);
        assertEquals(0, run("t", "--partition", "1", "--offset", "4", "--count", "20"));
        assertTrue(out.toString().contains("line 4"), out::toString);
    }

    @Test
    void savesThePartsWithinTheFolderAndNowhereElse() throws Exception {
        byte[] value =
                parts(
                        "gif", GIF, "../../x", utf8("1"), "..", utf8("2"), "a/b", utf8("3"), "a_b",
                        utf8("4"), "", utf8("5"), "/etc/x", utf8("6"));
        produce("k", value, "headrace.format", "parts");
        Path saved = folder.resolve("saved/here");
        assertEquals(
                0,
                run("t", "--partition", "1", "--offset", "0", "--save", saved.toString()),
                err::toString);
        TreeSet<String> names = new TreeSet<>();
        try (Stream<Path> files = Files.walk(folder.resolve("saved"))) {
            files.filter(Files::isRegularFile)
                    .forEach(file -> names.add(saved.relativize(file).toString()));
        }
        assertEquals(
                List.of(
                        "t-1-0...",
                        "t-1-0..._.._x",
                        "t-1-0._etc_x",
                        "t-1-0.a_b",
                        "t-1-0.a_b_2",
                        "t-1-0.gif",
                        "t-1-0.value"),
                List.copyOf(names));
        assertArrayEquals(GIF, Files.readAllBytes(saved.resolve("t-1-0.gif")));
        assertTrue(out.toString().contains("  saved " + saved.resolve("t-1-0.gif")), out::toString);
    }

    @Test
    void saysWhatIsThereIfAnOffsetIsNot() throws Exception {
        produce("k", utf8("v"));
        assertEquals(1, run("t", "--partition", "1", "--offset", "7"));
        assertEquals(
                "headrace: no such offset: t partition 1 offset 7: there are 0 to 0\n",
                err.toString());
        assertEquals(1, run("t", "--offset", "0"));
        assertEquals(
                "headrace: no such offset: t partition 0 offset 0: there is none\n",
                err.toString());
        assertEquals(1, run("t", "--partition", "2", "--offset", "0"));
        assertEquals("headrace: no such partition: 2: t has 0 to 1\n", err.toString());
        assertEquals(1, run("none", "--offset", "0"));
        assertTrue(err.toString().startsWith("headrace: no such topic: none"), err::toString);
    }

    @Test
    void saysIfPartsAreNoParts() throws Exception {
        produce("k", utf8("plain"), "headrace.format", "parts");
        assertEquals(1, run("t", "--partition", "1", "--offset", "0"));
        assertTrue(
                err.toString()
                        .startsWith("headrace: t partition 1 offset 0: not a sample of parts"),
                err::toString);
    }
}
