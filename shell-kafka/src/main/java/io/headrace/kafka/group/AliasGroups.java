package io.headrace.kafka.group;

import io.headrace.engine.Alias;
import io.headrace.engine.Alias.Version;
import io.headrace.engine.PartitionLog;
import io.headrace.engine.Topic;
import io.headrace.kafka.topic.TopicDirectory;
import io.headrace.kafka.topic.TopicHandle;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongPredicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestGroup;
import org.apache.kafka.common.message.OffsetFetchRequestData.OffsetFetchRequestTopics;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseGroup;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponsePartitions;
import org.apache.kafka.common.message.OffsetFetchResponseData.OffsetFetchResponseTopics;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.RequestContext;
import org.apache.kafka.common.utils.internals.BufferSupplier;
import org.apache.kafka.coordinator.group.GroupCoordinator;
import org.jspecify.annotations.Nullable;

/**
 * Has groups that read an alias begin in its current version, and stay there as long as they have
 * members.
 *
 * <p>A group is <em>placed</em> before its first member joins: one commit remembers where it was in
 * the version that it was in, as its offset of that version's own topic, and puts it where it was
 * in the current one. All else follows from the offsets, which name their versions.
 *
 * <p>Thread-safe; nothing blocks. Futures complete on the coordinator's threads.
 */
final class AliasGroups {
    private static final String EMPTY = "Empty";
    private static final String DEAD = "Dead";
    private static final int NO_GENERATION = -1;

    /** A commit ends after so many bytes, about: one record batch holds no more than some MiB. */
    private static final int COMMIT_LENGTH = 1 << 20;

    /** What a position takes in a commit besides names and metadata, about. */
    private static final int POSITION_LENGTH = 200;

    /** What a commit of nobody is answered with if the group has got members meanwhile. */
    private static final Set<Errors> RUNNING =
            Set.of(
                    Errors.UNKNOWN_MEMBER_ID,
                    Errors.ILLEGAL_GENERATION,
                    Errors.STALE_MEMBER_EPOCH,
                    Errors.REBALANCE_IN_PROGRESS);

    private final TopicDirectory directory;
    private final GroupCoordinator coordinator;
    private final GroupTopics topics;
    private final Executor topicExecutor;
    private final AliasPins pins = new AliasPins();
    private final AliasStays stays = new AliasStays();
    private final HalfPlacedGroups halfPlaced = new HalfPlacedGroups();

    /** The last placing of each group that is being placed; the next one waits for it. */
    private final Map<String, CompletableFuture<?>> placing = new ConcurrentHashMap<>();

    /**
     * @param topicExecutor where the coordinator is made to know topics
     */
    AliasGroups(
            TopicDirectory directory,
            GroupCoordinator coordinator,
            GroupTopics topics,
            Executor topicExecutor) {
        this.directory = directory;
        this.coordinator = coordinator;
        this.topics = topics;
        this.topicExecutor = topicExecutor;
    }

    /** Those that are aliases. A look into a hash map each. */
    List<Topic> aliases(Collection<String> names) {
        List<Topic> found = new ArrayList<>();
        for (String name : names) {
            Topic topic = alias(name);
            if (topic != null) {
                found.add(topic);
            }
        }
        return found;
    }

    private @Nullable Topic alias(String name) {
        TopicHandle handle = directory.find(name);
        return handle != null && Alias.isAlias(handle.topic()) ? handle.topic() : null;
    }

    /**
     * Whether nothing is to be placed before somebody joins a group: he names no alias, and the
     * group is in one version of each that it reads.
     *
     * @param isPattern as in {@link #place}
     */
    boolean isPlaced(String group, Collection<String> names, boolean isPattern) {
        return !isPattern
                && aliases(names).isEmpty()
                && !placing.containsKey(group)
                && !halfPlaced.contains(group);
    }

    /**
     * Places a group, unless it has members, or had the one that comes since it was placed. What an
     * earlier placing has left undone is done in any case.
     *
     * @param member by what the one is known that comes
     * @param names topics that it is about to read
     * @param isPattern whether it is about to read topics that are not named: all aliases are meant
     *     of which it has committed offsets
     * @param then is called next, before the group is placed again; not if that fails
     */
    CompletableFuture<Void> place(
            RequestContext context,
            String group,
            Set<String> member,
            Collection<String> names,
            boolean isPattern,
            Runnable then) {
        CompletableFuture<Void> placed = new CompletableFuture<>();
        CompletableFuture<?> before = placing.put(group, placed);
        CompletableFuture<?> turn =
                before == null ? CompletableFuture.completedFuture(null) : before;
        turn.handle((done, failure) -> null)
                .thenCompose(nothing -> isEmpty(context, group))
                .thenCompose(
                        isEmpty ->
                                isEmpty
                                        ? placeEmpty(context, group, member, names, isPattern)
                                        : joined(group, member, aliases(names), isPattern))
                .thenRun(then)
                .whenComplete(
                        (done, failure) -> {
                            placing.remove(group, placed);
                            if (failure == null) {
                                placed.complete(null);
                            } else {
                                placed.completeExceptionally(failure);
                            }
                        });
        return placed;
    }

    /** A group is of one of two kinds, and each kind has a call of its own. */
    private CompletableFuture<Boolean> isEmpty(RequestContext context, String group) {
        return coordinator
                .consumerGroupDescribe(context, List.of(group))
                .thenCompose(
                        described -> {
                            var of = described.get(0);
                            if (of.errorCode() == Errors.NONE.code()) {
                                return CompletableFuture.completedFuture(of.members().isEmpty());
                            }
                            return coordinator
                                    .describeGroups(context, List.of(group))
                                    .thenApply(classic -> isEmpty(classic.get(0)));
                        });
    }

    private static boolean isEmpty(
            org.apache.kafka.common.message.DescribeGroupsResponseData.DescribedGroup group) {
        Errors error = Errors.forCode(group.errorCode());
        if (error != Errors.NONE && error != Errors.GROUP_ID_NOT_FOUND) {
            throw error.exception();
        }
        return group.groupState().equals(EMPTY) || group.groupState().equals(DEAD);
    }

    private CompletableFuture<Void> joined(
            String group, Set<String> member, List<Topic> aliases, boolean isPattern) {
        stays.join(group, member, ids(aliases), isPattern);
        return CompletableFuture.completedFuture(null);
    }

    private static Set<Long> ids(List<Topic> aliases) {
        return aliases.stream().map(Topic::id).collect(Collectors.toSet());
    }

    private CompletableFuture<Void> placeEmpty(
            RequestContext context,
            String group,
            Set<String> member,
            Collection<String> names,
            boolean isPattern) {
        Set<Long> half = halfPlaced.aliases(group);
        LongPredicate kept = stays.kept(group, member).and(id -> !half.contains(id));
        List<Topic> named = new ArrayList<>(aliases(names));
        named.removeIf(alias -> kept.test(alias.id()));
        addHalfPlaced(named, half);
        if (!isPattern && named.isEmpty()) {
            halfPlaced.remove(group);
            return joined(group, member, named, false);
        }
        return fetch(context, group, isPattern ? null : asked(named))
                .thenCompose(
                        found -> {
                            List<Placing> all = placings(found, kept);
                            Set<Long> placed = new HashSet<>(ids(named));
                            all.forEach(each -> placed.add(each.topic.id()));
                            return placeEmpty(context, group, all)
                                    .thenRun(() -> note(group, member, placed, isPattern));
                        });
    }

    /** Those that are there still. */
    private void addHalfPlaced(List<Topic> named, Set<Long> half) {
        for (long id : half) {
            Topic topic = directory.catalog().find(id);
            if (topic != null && named.stream().noneMatch(alias -> alias.id() == id)) {
                named.add(topic);
            }
        }
    }

    private void note(String group, Set<String> member, Set<Long> placed, boolean isPattern) {
        if (stays.isKnown(group, member)) {
            stays.join(group, member, placed, isPattern);
        } else {
            stays.begin(group, member, placed, isPattern);
        }
    }

    private List<Placing> placings(List<OffsetFetchResponseTopics> found, LongPredicate kept) {
        List<Placing> all = new ArrayList<>();
        for (OffsetFetchResponseTopics committed : found) {
            Topic topic = alias(committed.name());
            if (topic != null && !kept.test(topic.id())) {
                all.add(new Placing(topic, offsets(committed)));
            }
        }
        return all;
    }

    private CompletableFuture<Void> placeEmpty(
            RequestContext context, String group, List<Placing> all) {
        List<Topic> shown = new ArrayList<>();
        for (Placing each : all) {
            Topic version = each.isMoved() ? topic(each.alias.currentVersion()) : null;
            if (version != null) {
                shown.add(version);
            }
        }
        if (shown.isEmpty()) {
            pin(group, all);
            halfPlaced.remove(group);
            return CompletableFuture.completedFuture(null);
        }
        return fetch(context, group, asked(shown))
                .thenCompose(stored -> move(context, group, all, stored));
    }

    /** Offsets of a topic by partition, those that are there. */
    private static Map<Integer, OffsetFetchResponsePartitions> offsets(
            OffsetFetchResponseTopics topic) {
        Map<Integer, OffsetFetchResponsePartitions> offsets = new HashMap<>();
        for (OffsetFetchResponsePartitions partition : topic.partitions()) {
            if (partition.committedOffset() >= 0) {
                offsets.put(partition.partitionIndex(), partition);
            }
        }
        return offsets;
    }

    /** An alias, and where a group is in it. */
    private static final class Placing {
        private final Topic topic;
        private final Alias alias;
        private final Map<Integer, OffsetFetchResponsePartitions> offsets;

        Placing(Topic topic, Map<Integer, OffsetFetchResponsePartitions> offsets) {
            this.topic = topic;
            this.alias = Alias.of(topic.configs());
            this.offsets = offsets;
        }

        boolean isElsewhere(OffsetFetchResponsePartitions partition) {
            return Alias.ordinal(partition.committedOffset()) != alias.current();
        }

        boolean isMoved() {
            return offsets.values().stream().anyMatch(this::isElsewhere);
        }
    }

    private void pin(String group, List<Placing> all) {
        for (Placing each : all) {
            pins.put(group, each.topic.id(), each.alias.current());
        }
    }

    private CompletableFuture<Void> move(
            RequestContext context,
            String group,
            List<Placing> all,
            List<OffsetFetchResponseTopics> stored) {
        Map<String, Map<Integer, OffsetFetchResponsePartitions>> known = new HashMap<>();
        stored.forEach(topic -> known.put(topic.name(), offsets(topic)));
        Commits commits = new Commits(group);
        for (Placing each : all) {
            Topic version = topic(each.alias.currentVersion());
            if (version != null && each.isMoved()) {
                move(each, version, known.getOrDefault(version.name(), Map.of()), commits);
            }
        }
        boolean wasHalf = halfPlaced.contains(group);
        AtomicInteger committed = new AtomicInteger();
        CompletableFuture<Integer> count =
                CompletableFuture.supplyAsync(
                        () -> {
                            topics.require(commits.names());
                            if (commits.all.size() > 1) {
                                halfPlaced.put(group, aliasIds(all));
                            }
                            return 0;
                        },
                        topicExecutor);
        for (int i = 0; i < commits.all.size(); i++) {
            Commit commit = commits.all.get(i);
            int before = i;
            count =
                    count.thenCompose(
                            done ->
                                    done == before
                                            ? commit(context, commit.of(group))
                                                    .thenApply(
                                                            is ->
                                                                    is
                                                                            ? committed
                                                                                    .incrementAndGet()
                                                                            : done)
                                            : CompletableFuture.completedFuture(done));
        }
        return count.whenComplete(
                        (done, failure) -> {
                            if (failure != null && committed.get() == 0 && !wasHalf) {
                                halfPlaced.remove(group); // nothing of it was moved
                            }
                        })
                .thenAccept(
                        done -> {
                            if (done == commits.all.size()) {
                                pin(group, all);
                                halfPlaced.remove(group);
                            } else if (done > 0 || wasHalf) {
                                // It has got members meanwhile, and can go on once they have left.
                                throw Errors.COORDINATOR_NOT_AVAILABLE.exception();
                            } else {
                                halfPlaced.remove(group); // it has got members before, and stays
                            }
                        });
    }

    private static Set<Long> aliasIds(List<Placing> all) {
        return all.stream().map(each -> each.topic.id()).collect(Collectors.toSet());
    }

    private CompletableFuture<Boolean> commit(
            RequestContext context, OffsetCommitRequestData commit) {
        return coordinator
                .commitOffsets(context, commit, BufferSupplier.NO_CACHING)
                .thenApply(AliasGroups::isCommitted);
    }

    private void move(
            Placing each,
            Topic current,
            Map<Integer, OffsetFetchResponsePartitions> stored,
            Commits commits) {
        each.offsets.forEach(
                (partition, committed) -> {
                    if (!each.isElsewhere(committed)) {
                        return;
                    }
                    Commit commit = commits.next();
                    Version left = each.alias.at(committed.committedOffset());
                    Topic leftTopic = left == null ? null : topic(left);
                    if (leftTopic != null) {
                        commit.add(
                                leftTopic,
                                partition,
                                Alias.offsetInVersion(committed.committedOffset()),
                                committed.metadata());
                    }
                    OffsetFetchResponsePartitions there = stored.get(partition);
                    long offset =
                            there == null ? start(current, partition) : there.committedOffset();
                    commit.add(
                            each.topic,
                            partition,
                            Alias.offset(each.alias.current(), offset),
                            there == null ? "" : there.metadata());
                });
    }

    private long start(Topic version, int partition) {
        PartitionLog log = directory.engine().partitionLog(version, partition);
        if (log == null) {
            throw Errors.COORDINATOR_NOT_AVAILABLE.exception();
        }
        return log.logStartOffset();
    }

    private @Nullable Topic topic(Version version) {
        return directory.catalog().find(version.topicId());
    }

    /** Whether it was; not if the group has got members meanwhile, which nobody moves. */
    private static boolean isCommitted(OffsetCommitResponseData response) {
        boolean isCommitted = true;
        for (var topic : response.topics()) {
            for (var partition : topic.partitions()) {
                Errors error = Errors.forCode(partition.errorCode());
                if (error != Errors.NONE && !RUNNING.contains(error)) {
                    throw error.exception();
                }
                isCommitted &= error == Errors.NONE;
            }
        }
        return isCommitted;
    }

    /**
     * What a placing commits, each partition's positions in one commit: as one if they are not very
     * many. If one of several fails, the rest is placed before anybody joins the group; if the
     * server is killed between two, before the next one does that names the alias.
     */
    private final class Commits {
        private final List<Commit> all = new ArrayList<>();
        private final String group;

        Commits(String group) {
            this.group = group;
        }

        /** The one that a partition's positions go into. */
        Commit next() {
            if (all.isEmpty() || all.get(all.size() - 1).length >= COMMIT_LENGTH) {
                all.add(new Commit(group));
            }
            return all.get(all.size() - 1);
        }

        List<String> names() {
            return all.stream().flatMap(commit -> commit.names().stream()).distinct().toList();
        }
    }

    /** Offsets of several topics, committed at once. */
    private final class Commit {
        private final Map<Long, OffsetCommitRequestTopic> byId = new HashMap<>();
        private final String group;
        private int length;

        Commit(String group) {
            this.group = group;
        }

        void add(Topic topic, int partition, long offset, @Nullable String metadata) {
            // Characters of a record's key, and of its value as if each took three bytes.
            int value = metadata == null ? 0 : 3 * metadata.length();
            length += POSITION_LENGTH + 3 * group.length() + topic.name().length() + value;
            byId.computeIfAbsent(
                            topic.id(),
                            id ->
                                    new OffsetCommitRequestTopic()
                                            .setName(topic.name())
                                            .setTopicId(directory.ids().uuid(id)))
                    .partitions()
                    .add(
                            new OffsetCommitRequestPartition()
                                    .setPartitionIndex(partition)
                                    .setCommittedOffset(offset)
                                    .setCommittedMetadata(metadata));
        }

        List<String> names() {
            return byId.values().stream().map(OffsetCommitRequestTopic::name).toList();
        }

        OffsetCommitRequestData of(String group) {
            return new OffsetCommitRequestData()
                    .setGroupId(group)
                    .setMemberId("")
                    .setGenerationIdOrMemberEpoch(NO_GENERATION)
                    .setTopics(new ArrayList<>(byId.values()));
        }
    }

    private List<OffsetFetchRequestTopics> asked(List<Topic> all) {
        List<OffsetFetchRequestTopics> asked = new ArrayList<>();
        for (Topic topic : all) {
            asked.add(
                    new OffsetFetchRequestTopics()
                            .setName(topic.name())
                            .setTopicId(directory.ids().uuid(topic.id()))
                            .setPartitionIndexes(
                                    IntStream.range(0, topic.partitionCount()).boxed().toList()));
        }
        return asked;
    }

    /**
     * @param asked null for all topics of which the group has offsets
     */
    private CompletableFuture<List<OffsetFetchResponseTopics>> fetch(
            RequestContext context, String group, @Nullable List<OffsetFetchRequestTopics> asked) {
        OffsetFetchRequestGroup request =
                new OffsetFetchRequestGroup().setGroupId(group).setTopics(asked);
        return coordinator
                .fetchOffsets(context, request, false)
                .thenApply(
                        found -> {
                            Errors error = Errors.forCode(found.errorCode());
                            if (error != Errors.NONE && error != Errors.GROUP_ID_NOT_FOUND) {
                                throw error.exception();
                            }
                            return found.topics();
                        });
    }

    /**
     * Has members of a group that is in another version than the current one begin there, in
     * partitions of which nothing is committed: else they would be told to begin in the current
     * one.
     *
     * @param response whose topics go by name; changed in place
     */
    CompletableFuture<OffsetFetchResponseGroup> completed(
            RequestContext context, String group, OffsetFetchResponseGroup response) {
        CompletableFuture<?> all = CompletableFuture.completedFuture(null);
        for (OffsetFetchResponseTopics committed : response.topics()) {
            Topic topic = alias(committed.name());
            if (topic != null && isMissingSome(committed)) {
                all =
                        all.thenCompose(nothing -> pinned(context, group, topic, committed))
                                .thenAccept(ordinal -> complete(topic, committed, ordinal));
            }
        }
        return all.thenApply(nothing -> response);
    }

    private static boolean isMissingSome(OffsetFetchResponseTopics committed) {
        return committed.partitions().stream().anyMatch(AliasGroups::isMissing);
    }

    private static boolean isMissing(OffsetFetchResponsePartitions partition) {
        return partition.committedOffset() < 0 && partition.errorCode() == Errors.NONE.code();
    }

    /** The ordinal of the version in which the group is; −1 if nobody knows of any. */
    private CompletableFuture<Integer> pinned(
            RequestContext context,
            String group,
            Topic topic,
            OffsetFetchResponseTopics committed) {
        if (Alias.of(topic.configs()).versions().size() == 1) {
            return CompletableFuture.completedFuture(-1);
        }
        Integer known = pins.get(group, topic.id());
        if (known != null) {
            return CompletableFuture.completedFuture(known);
        }
        return fetch(context, group, asked(List.of(topic)))
                .thenApply(
                        found -> {
                            int ordinal = -1;
                            for (OffsetFetchResponseTopics of : found) {
                                for (OffsetFetchResponsePartitions each : offsets(of).values()) {
                                    ordinal = (int) Alias.ordinal(each.committedOffset());
                                }
                            }
                            if (ordinal >= 0) {
                                pins.put(group, topic.id(), ordinal);
                            }
                            return ordinal;
                        });
    }

    private void complete(Topic topic, OffsetFetchResponseTopics committed, int ordinal) {
        Alias alias = Alias.of(topic.configs());
        if (ordinal < 0 || ordinal == alias.current()) {
            return;
        }
        Version version = alias.at(Alias.offset(ordinal, 0));
        Topic versionTopic = version == null ? null : topic(version);
        if (versionTopic == null) {
            return;
        }
        for (OffsetFetchResponsePartitions partition : committed.partitions()) {
            if (isMissing(partition) && partition.partitionIndex() < topic.partitionCount()) {
                partition.setCommittedOffset(
                        Alias.offset(ordinal, start(versionTopic, partition.partitionIndex())));
            }
        }
    }
}
