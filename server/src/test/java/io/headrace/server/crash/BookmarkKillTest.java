package io.headrace.server.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.headrace.server.RunningServer;
import io.headrace.server.admin.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A server that is killed while it saves and restores bookmarks: what was answered is there
 * afterwards, and a group has the positions of one moment, never some of these and some of those.
 */
@Timeout(300)
class BookmarkKillTest {
    private static final int KILLS = 3;
    private static final int PARTITIONS = 300;

    /** Mark of a bookmark with half of the partitions: the others must not keep a position. */
    private static final String HALF = "half";

    private static final long DEADLINE_SECONDS = 60;

    @TempDir Path folder;
    private final long seed = Long.getLong("headrace.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private final AtomicBoolean isKilled = new AtomicBoolean();
    private RunningServer server;
    private int adminPort;

    /** The last step whose bookmark was answered, and one that may have been written. */
    private long savedStep = -1;

    private long savingStep = -1;

    /** What the group may stand at: what was answered last, and what has no answer yet. */
    private final Set<String> groupMarks = new HashSet<>();

    /** Steps whose bookmarks were not answered. */
    private final Set<Long> unanswered = new HashSet<>();

    private int restoredCount;

    /** Counted down by the first restore of each life: the killer does not strike before. */
    private volatile CountDownLatch hasRestored = new CountDownLatch(1);

    @Test
    void aGroupHasAllOldOrAllRestoredPositions() throws Exception {
        int port = RunningServer.freePort();
        adminPort = RunningServer.freePort();
        Map<String, String> settings = Map.of("headrace.admin.listener", "127.0.0.1:" + adminPort);
        for (int life = 0; life <= KILLS; life++) {
            server = RunningServer.start(folder.resolve("data"), port, settings);
            try (RunningServer running = server;
                    Admin admin = admin()) {
                if (life == 0) {
                    admin.createTopics(List.of(new NewTopic("wide", PARTITIONS, (short) 1)))
                            .all()
                            .get();
                    commit(admin, HALF, PARTITIONS / 2);
                    assertEquals(200, postOnceReady("half@0", "{\"group\":\"train\"}"));
                    answered(HALF);
                } else {
                    checkAfterKill(admin);
                }
                if (life < KILLS) {
                    isKilled.set(false);
                    hasRestored = new CountDownLatch(1);
                    Thread killer = killLater(running);
                    work(admin);
                    killer.join(DEADLINE_SECONDS * 1000);
                }
            }
        }
        assertTrue(savedStep >= KILLS, () -> "saved=" + savedStep + " " + seedText());
        assertTrue(restoredCount >= KILLS, () -> "restored=" + restoredCount + " " + seedText());
    }

    private Admin admin() {
        Properties configs = new Properties();
        configs.put("bootstrap.servers", server.bootstrapServers());
        configs.put("default.api.timeout.ms", "30000");
        configs.put("request.timeout.ms", "10000");
        return Admin.create(configs);
    }

    private Thread killLater(RunningServer running) {
        long afterMs = random.nextInt(1500);
        Thread killer =
                new Thread(
                        () -> {
                            try {
                                hasRestored.await(DEADLINE_SECONDS, TimeUnit.SECONDS);
                                Thread.sleep(afterMs); // where it strikes is the seed's
                            } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                            }
                            isKilled.set(true);
                            running.kill();
                        });
        killer.start();
        return killer;
    }

    /** Marks of a step's positions: in the metadata, since offsets of empty partitions are 0. */
    private static String mark(long step) {
        return "step-" + step;
    }

    /** Commits, saves and restores until the server is gone. */
    private void work(Admin admin) throws Exception {
        try {
            while (true) {
                long step = savingStep + 1;
                groupMarks.add(mark(step));
                commit(admin, mark(step), PARTITIONS);
                answered(mark(step));
                savingStep = step;
                unanswered.add(step);
                int status = post("job@" + step, "{\"group\":\"train\"}");
                if (status != 200) {
                    assertEquals(503, status, this::seedText);
                    continue;
                }
                unanswered.remove(step);
                savedStep = step;
                long back = random.nextBoolean() ? -1 : random.nextInt((int) step + 1);
                boolean isKnown = !unanswered.contains(back);
                String mark = back < 0 ? HALF : mark(back);
                groupMarks.add(mark);
                String name = back < 0 ? "half@0" : "job@" + back;
                int restored = post(name + "/restore", "{}");
                if (restored == 200) {
                    answered(mark);
                    restoredCount++;
                    hasRestored.countDown();
                } else {
                    assertTrue(
                            restored == 503 || restored == 404 && !isKnown,
                            () -> name + " status=" + restored + " " + seedText());
                }
            }
        } catch (IOException | ExecutionException | TimeoutException serverIsGone) {
            assertTrue(isKilled.get(), () -> serverIsGone + " " + seedText());
        }
    }

    private void answered(String mark) {
        groupMarks.clear();
        groupMarks.add(mark);
    }

    private void commit(Admin admin, String mark, int partitions) throws Exception {
        Map<TopicPartition, OffsetAndMetadata> all = new HashMap<>();
        for (int partition = 0; partition < partitions; partition++) {
            all.put(new TopicPartition("wide", partition), new OffsetAndMetadata(0, mark));
        }
        admin.alterConsumerGroupOffsets("train", all).all().get(10, TimeUnit.SECONDS);
    }

    /** Clients may be served a moment before bookmarks are. */
    private int postOnceReady(String path, String body) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        int status = post(path, body);
        while (status == 503 && System.nanoTime() < deadline) {
            Thread.sleep(50);
            status = post(path, body);
        }
        return status;
    }

    private int post(String path, String body) throws IOException {
        HttpURLConnection connection = connection(path);
        connection.setRequestProperty("X-Headrace", "1");
        connection.setDoOutput(true);
        try (OutputStream out = connection.getOutputStream()) {
            out.write(body.getBytes(StandardCharsets.UTF_8));
        }
        return connection.getResponseCode();
    }

    private HttpURLConnection connection(String path) throws IOException {
        HttpURLConnection connection =
                (HttpURLConnection)
                        URI.create("http://127.0.0.1:" + adminPort + "/bookmarks/" + path)
                                .toURL()
                                .openConnection();
        connection.setConnectTimeout(2_000);
        connection.setReadTimeout((int) TimeUnit.SECONDS.toMillis(DEADLINE_SECONDS));
        return connection;
    }

    private JsonNode bookmark(long step) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_SECONDS);
        while (true) {
            HttpURLConnection connection = connection("job@" + step);
            int status = connection.getResponseCode();
            if (status == 200) {
                return Json.parse(connection.getInputStream().readAllBytes());
            }
            assertTrue(
                    status == 503 && System.nanoTime() < deadline,
                    () -> "step=" + step + " status=" + status + " " + seedText());
            Thread.sleep(50); // the engine is up, the shell not yet
        }
    }

    private void checkAfterKill(Admin admin) throws Exception {
        for (long step = 0; step <= savedStep; step++) {
            if (unanswered.contains(step)) {
                continue;
            }
            JsonNode held = bookmark(step);
            List<String> marks = new ArrayList<>();
            held.path("topics")
                    .path(0)
                    .path("positions")
                    .forEach(position -> marks.add(position.path("metadata").asText()));
            assertOfOneStep(marks, "bookmark " + step);
            assertEquals(mark(step), marks.get(0), this::seedText);
        }
        List<String> marks = new ArrayList<>();
        admin.listConsumerGroupOffsets("train")
                .partitionsToOffsetAndMetadata()
                .get(DEADLINE_SECONDS, TimeUnit.SECONDS)
                .values()
                .forEach(
                        position -> {
                            if (position != null) {
                                marks.add(position.metadata());
                            }
                        });
        assertOfOneStep(marks, "group");
        assertTrue(groupMarks.contains(marks.get(0)), () -> marks.get(0) + " " + groupMarks);
        answered(marks.get(0));
    }

    private void assertOfOneStep(List<String> marks, String of) {
        assertEquals(
                1,
                marks.stream().distinct().count(),
                () -> of + " " + Set.copyOf(marks) + " " + seedText());
        int expected = marks.get(0).equals(HALF) ? PARTITIONS / 2 : PARTITIONS;
        assertEquals(expected, marks.size(), () -> of + " " + marks.get(0) + " " + seedText());
    }

    private String seedText() {
        return "headrace.seed=" + seed;
    }
}
