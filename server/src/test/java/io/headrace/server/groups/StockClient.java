package io.headrace.server.groups;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** What the members of a group run: stock clients, which commit what they were given themselves. */
enum StockClient {
    EAGER("classic", "org.apache.kafka.clients.consumer.RangeAssignor"),
    COOPERATIVE("classic", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"),
    CONSUMER("consumer", ""),
    KAFKA_PYTHON("/usr/bin/python3", "share_kafka_python.py"),
    CONFLUENT("/usr/bin/python3", "share_confluent.py"),
    KAFKAJS("node", "kafkajs/share.js");

    static final long DEADLINE_SECONDS = 60;

    /** Protocol of a Java client, or what runs the script of another. */
    private final String first;

    /** Assignor of a Java client, or the script. */
    private final String second;

    StockClient(String first, String second) {
        this.first = first;
        this.second = second;
    }

    /** Whether it runs here, as a {@link #consumer}; else as a {@link ScriptMember}. */
    boolean isJava() {
        return ordinal() <= CONSUMER.ordinal();
    }

    /** One of a group. */
    interface Member {
        /** Ends it in order. */
        void leave() throws Exception;
    }

    /** A Java client. */
    KafkaConsumer<String, String> consumer(
            GroupServer server, String group, Map<String, String> more) {
        Map<String, String> configs = new HashMap<>(more);
        configs.put("group.id", group);
        configs.put("group.protocol", first);
        configs.put("auto.offset.reset", "earliest");
        configs.put("enable.auto.commit", "false");
        if (!second.isEmpty()) {
            configs.put("partition.assignment.strategy", second);
            configs.put("heartbeat.interval.ms", "200");
        }
        return new KafkaConsumer<>(
                server.clientConfigs(configs), new StringDeserializer(), new StringDeserializer());
    }

    /** Begins a client of another language, in a process of its own. */
    Member start(
            GroupServer server,
            String group,
            String topic,
            String clientId,
            Consumer<String> onDelivered)
            throws Exception {
        return new ScriptMember(
                new ProcessBuilder(
                        first,
                        "src/test/clients/" + second,
                        server.bootstrapServers(),
                        group,
                        topic,
                        clientId),
                onDelivered);
    }

    /** A client that prints what it is given. */
    private static final class ScriptMember implements Member {
        private final Process process;
        private final Thread reader;
        private final CountDownLatch started = new CountDownLatch(1);
        private final Consumer<String> onDelivered;

        ScriptMember(ProcessBuilder command, Consumer<String> onDelivered) throws Exception {
            this.onDelivered = onDelivered;
            process = command.redirectError(ProcessBuilder.Redirect.INHERIT).start();
            reader = new Thread(this::read, "script-member");
            reader.start();
        }

        private void read() {
            process.inputReader().lines().forEach(this::onLine);
        }

        private void onLine(String line) {
            if (line.equals("started")) {
                started.countDown();
            } else {
                onDelivered.accept(line);
            }
        }

        @Override
        public void leave() throws Exception {
            boolean hasStarted = started.await(DEADLINE_SECONDS, TimeUnit.SECONDS);
            process.destroy();
            boolean hasLeft = process.waitFor(DEADLINE_SECONDS, TimeUnit.SECONDS);
            process.destroyForcibly();
            reader.join(DEADLINE_SECONDS * 1000);
            assertTrue(hasStarted, "has not started");
            assertTrue(hasLeft, "does not leave");
            assertEquals(0, process.exitValue());
        }
    }

    /** A consumer on a thread of its own. */
    abstract static class JavaMember implements Member {
        protected final KafkaConsumer<String, String> consumer;
        private final Thread thread;
        private volatile boolean isLeaving;
        private volatile Throwable failure;

        JavaMember(KafkaConsumer<String, String> consumer, String name) {
            this.consumer = consumer;
            this.thread = new Thread(this::run, name);
        }

        /** Begins it. */
        JavaMember start() {
            thread.start();
            return this;
        }

        private void run() {
            try (consumer) {
                subscribe();
                boolean isCommitted = true;
                while (!isLeaving || !isCommitted) {
                    isCommitted = poll(isCommitted);
                }
            } catch (Throwable e) {
                failure = e;
            }
        }

        abstract void subscribe();

        /**
         * Takes what there is, and commits it.
         *
         * @param isCommitted whether all before is
         * @return whether all is now
         */
        abstract boolean poll(boolean isCommitted);

        @Override
        public void leave() throws Exception {
            isLeaving = true;
            thread.join(DEADLINE_SECONDS * 1000);
            assertTrue(!thread.isAlive(), "does not leave");
            if (failure != null) {
                throw new AssertionError("member failed", failure);
            }
        }
    }
}
