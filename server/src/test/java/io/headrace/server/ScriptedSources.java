package io.headrace.server;

import io.headrace.engine.EngineException;
import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.RangeObjects;
import io.headrace.engine.RangeObjects.RangeObject;
import io.headrace.engine.SourceCheck;
import io.headrace.engine.SourceFindings;
import io.headrace.engine.SourceFindings.Finding;
import io.headrace.engine.SourceObjects;
import io.headrace.engine.SourceStatus;
import io.headrace.engine.SourceStatus.Listing;
import io.headrace.engine.SourceStatus.Partition;
import io.headrace.engine.Sources;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** Sources that answer what a test tells them to, and note what they were asked. */
final class ScriptedSources implements Sources {
    /** Answers in turn; the last one stays. */
    private final Map<Long, Deque<SourceStatus>> statuses = new LinkedHashMap<>();

    private final List<Finding> findings = new ArrayList<>();
    final List<String> asked = Collections.synchronizedList(new ArrayList<>());

    /** If set, statuses wait for it. */
    CompletableFuture<Void> gate = CompletableFuture.completedFuture(null);

    synchronized void answer(SourceStatus... inTurn) {
        statuses.put(inTurn[0].topicId(), new ArrayDeque<>(List.of(inTurn)));
    }

    synchronized void find(Finding finding) {
        findings.add(finding);
    }

    /** A status of a topic whose partitions have that many objects indexed, of ten each. */
    static SourceStatus status(long topicId, String name, boolean isIndexing, int... indexed) {
        List<Partition> partitions = new ArrayList<>();
        for (int i = 0; i < indexed.length; i++) {
            partitions.add(
                    new Partition(
                            i,
                            10,
                            indexed[i],
                            indexed[i] * 100_000L,
                            indexed[i] * 1000L,
                            indexed[i] == 10,
                            ""));
        }
        return new SourceStatus(
                topicId,
                name,
                Listing.DONE,
                0,
                true,
                10L * indexed.length,
                1_000_000L * indexed.length,
                isIndexing,
                0,
                0,
                0,
                "",
                partitions,
                List.of());
    }

    @Override
    public synchronized List<Long> inUse(int limit) {
        return statuses.keySet().stream().limit(limit).toList();
    }

    @Override
    public CompletableFuture<SourceStatus> status(long topicId) {
        return gate.thenCompose(open -> next(topicId));
    }

    private synchronized CompletableFuture<SourceStatus> next(long topicId) {
        Deque<SourceStatus> answers = statuses.getOrDefault(topicId, new ArrayDeque<>());
        if (answers.isEmpty()) {
            return CompletableFuture.failedFuture(
                    new EngineException("the store is not configured: topicId=" + topicId));
        }
        SourceStatus answer = answers.size() > 1 ? answers.remove() : answers.element();
        return CompletableFuture.completedFuture(answer);
    }

    @Override
    public CompletableFuture<SourceStatus> index(long topicId) {
        asked.add("index " + topicId);
        return status(topicId);
    }

    @Override
    public CompletableFuture<SourceStatus> stopIndexing(long topicId) {
        asked.add("stop " + topicId);
        return status(topicId);
    }

    @Override
    public CompletableFuture<SourceStatus> refresh(long topicId) {
        asked.add("refresh " + topicId);
        return status(topicId);
    }

    /** Pages of findings; the token is how many were handed out. */
    @Override
    public synchronized CompletableFuture<SourceFindings> findings(
            long topicId, SourceFindings.Kind kind, String after, int limit) {
        List<Finding> all = findings.stream().filter(f -> f.kind() == kind).toList();
        int from = after.isEmpty() ? 0 : Integer.parseInt(after.substring("&token=".length()));
        int to = Math.min(all.size(), from + limit);
        return CompletableFuture.completedFuture(
                new SourceFindings(all.subList(from, to), to == all.size() ? "" : "&token=" + to));
    }

    @Override
    public CompletableFuture<SourceObjects> objects(long topicId, String after, int limit) {
        return CompletableFuture.failedFuture(new EngineException("not scripted"));
    }

    @Override
    public CompletableFuture<RangeObjects> rangeObjects(
            long topicId, int partition, long fromOffset, long toOffset, long after, int limit) {
        return CompletableFuture.failedFuture(new EngineException("not scripted"));
    }

    @Override
    public CompletableFuture<Void> checkVersions(long topicId, List<RangeObject> objects) {
        return CompletableFuture.failedFuture(new EngineException("not scripted"));
    }

    @Override
    public CompletableFuture<SourceCheck> check(String uri, Map<String, String> configs) {
        asked.add("check " + uri + " " + configs);
        if (!List.of("auto", "files", "tar")
                .contains(configs.getOrDefault("headrace.source.format", "tar"))) {
            return CompletableFuture.failedFuture(
                    new InvalidConfigException(
                            "headrace.source.format",
                            configs.get("headrace.source.format"),
                            "files, lines, tar"));
        }
        byte[] text = "a \u001b[31mred\u001b[0m\ncaption".getBytes(StandardCharsets.UTF_8);
        byte[] caption = "a red caption".getBytes(StandardCharsets.UTF_8);
        return CompletableFuture.completedFuture(
                new SourceCheck(
                        "tar",
                        "gzip",
                        List.of(
                                new CheckedSample(
                                        "0001",
                                        "train/0.tar.gz",
                                        512,
                                        List.of(
                                                new CheckedPart("txt", caption.length, caption),
                                                new CheckedPart("bin", 1_234_567, text)))),
                        1024,
                        1_500_000_000_000L,
                        true,
                        12_345_678,
                        120_000_000,
                        85,
                        12_500_000,
                        12_000_000,
                        List.of("part cls is not in all samples")));
    }
}
