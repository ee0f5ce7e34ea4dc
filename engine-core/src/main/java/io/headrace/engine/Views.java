package io.headrace.engine;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Topics over other topics. Experimental: it may change in any release. Thread-safe. */
@Experimental
public interface Views {

    /**
     * Topic config: what kind of view a topic is; {@value #SHARE} or another of the constants
     * below. Makes the topic a view.
     */
    String TYPE_CONFIG = "headrace.view.type";

    /** Topic config: names of the topics that a view is over. */
    String TOPICS_CONFIG = "headrace.view.topics";

    /** The records are handed out among the members of a group. */
    String SHARE = "share";

    /** The partitions are ranges of others. */
    String REPLAY = "replay";

    /** The records of all topics of a name come together in one. */
    String UNION = "union";

    /** Whether a topic is a union. */
    static boolean isUnion(Topic topic) {
        return UNION.equals(topic.configs().get(TYPE_CONFIG));
    }

    /** The records of a source come in an order of each epoch's own. */
    String SHUFFLE = "shuffle";

    /** The records of several sources are interleaved by weights. */
    String MIX = "mix";

    /** Whether a topic is a shuffle or a mix view. */
    static boolean isOrdered(Topic topic) {
        String type = topic.configs().get(TYPE_CONFIG);
        return SHUFFLE.equals(type) || MIX.equals(type);
    }

    /** The records are those of one of several versions of a dataset: {@link Alias}. */
    String ALIAS = "alias";

    /** The records are those of a topic, but where another has some of the same keys. */
    String OVERLAY = "overlay";

    /** Whether a topic is an overlay. */
    static boolean isOverlay(Topic topic) {
        return OVERLAY.equals(topic.configs().get(TYPE_CONFIG));
    }

    /** Topic config: what of the topics below a view has, for good. Written by the engine, once. */
    String PINNED_CONFIG = "headrace.view.pinned";

    /** Whether a topic is an overlay of which it is not decided yet what it has. */
    static boolean isUnpinnedOverlay(Topic topic) {
        return isOverlay(topic) && !topic.configs().containsKey(PINNED_CONFIG);
    }

    /** Whether a topic is a share view. */
    static boolean isShare(Topic topic) {
        return SHARE.equals(topic.configs().get(TYPE_CONFIG));
    }

    /** Whether a topic is a replay view. */
    static boolean isReplay(Topic topic) {
        return REPLAY.equals(topic.configs().get(TYPE_CONFIG));
    }

    /**
     * How far a union is with what it is over; looks at each topic below, some thousands in a
     * second.
     *
     * @return fails with an {@link EngineException} if it cannot be told now
     */
    default CompletableFuture<UnionStatus> unionStatus(Topic union) {
        return CompletableFuture.failedFuture(
                new EngineException("not a union: topic=" + union.name()));
    }

    /**
     * How far a union is.
     *
     * @param topics that it is over now
     * @param behind records of these that are not copied yet, as far as offsets tell
     * @param copied records since the start of the engine
     * @param skipped records that could not be copied, since the start of the engine
     */
    record UnionStatus(long topics, long behind, long copied, long skipped) {}

    /** The share view that a topic is; null if it is none. */
    @Nullable Share share(Topic topic);

    /** The shuffle or mix view that a topic is; null if it is none. */
    @Nullable Ordered ordered(Topic topic);

    /** A view that has the records of sources in an order of its own. Thread-safe. */
    interface Ordered {
        /**
         * How far it is, and whether it can be read. To ask has its sources indexed, if they are
         * not.
         */
        CompletableFuture<Progress> progress();
    }

    /**
     * How far a shuffle or mix view is.
     *
     * @param isPinned whether it is decided what it has, so that all of it can be read
     * @param recordCount how many records can be read: 0 if it is not pinned, and not read early
     * @param sides what it is over, in the order in which they are named
     */
    record Progress(boolean isPinned, long recordCount, List<Side> sides) {}

    /**
     * What a view is over, as far as the view goes, or as far as it is known.
     *
     * @param topic its name
     * @param isListed whether all objects are listed
     * @param objectCount how many those are
     * @param indexedCount of them, those whose records are counted
     * @param recordCount how many records these have
     */
    record Side(
            String topic,
            boolean isListed,
            long objectCount,
            long indexedCount,
            long recordCount) {}

    /**
     * A topic whose records are handed out among the members of one group. Its partitions are
     * lanes: logs of references to batches of the topics it is over. A reference is appended to a
     * lane when somebody wishes for records there, and durable before they can be read.
     *
     * <p>Thread-safe; no call blocks. Who calls knows the group: which of its members owns which
     * lane, and what is committed.
     */
    interface Share {
        /** Longest stretch that one wish is given, in bytes. */
        int CHUNK_LENGTH_MAX = 1 << 20;

        /** The group whose members own the lanes. */
        String group();

        /**
         * Wishes for records. At most one of the lanes is given a stretch of them, as soon as there
         * is one, and its high watermark rises. A wish that was given something is spent.
         */
        void wish(Wish wish);

        /**
         * As {@link #wish}, of somebody who has records in hand and will ask for more: one of the
         * lanes is given a stretch at once if there is more than all who wait could take. It need
         * not be taken back.
         */
        void wishAhead(Wish wish);

        /** Whether a {@link #wishAhead} may be given something, as far as that was seen last. */
        boolean hasPlenty();

        /** Takes a wish back; does nothing if it is spent. */
        void withdraw(Wish wish);

        /**
         * Tells what the owner of some lanes is about to commit, before he does: so that it is not
         * taken back meanwhile.
         *
         * @param lanes in the order of the offsets; neither is copied
         */
        void committing(int[] lanes, long[] offsets);

        /**
         * Tells what the group has committed of some lanes: offsets of the next records to do.
         *
         * @param lanes in the order of the offsets; none of these is copied
         * @param owned all lanes of the owner who has committed, as far as that is known: if he
         *     gets on in one, what he was given in the others waits for its turn
         */
        void committed(int[] lanes, long[] offsets, int[] owned);

        /** As {@link #committed}, of a while ago: what has been told since stands. */
        void committedBefore(int[] lanes, long[] offsets);

        /**
         * What is handed out and what is not.
         *
         * @return fails with an {@link EngineException} if the view cannot be read now
         */
        CompletableFuture<Backlog> backlog();
    }

    /** Lanes that wait for records at their ends: those of one owner, that one request asks of. */
    final class Wish {
        private final int[] lanes;
        private final int lengthMax;
        private volatile boolean isSpent;

        /**
         * @param lanes that one owner waits at, in no order; not copied
         * @param lengthMax most bytes wanted; one batch may be longer
         */
        public Wish(int[] lanes, int lengthMax) {
            this.lanes = lanes;
            this.lengthMax = lengthMax;
        }

        /** How many lanes. */
        public int laneCount() {
            return lanes.length;
        }

        /** One of the lanes. */
        public int lane(int index) {
            return lanes[index];
        }

        /** Most bytes wanted. */
        public int lengthMax() {
            return lengthMax;
        }

        /** Notes that it was given something. */
        public void spend() {
            isSpent = true;
        }

        /** Whether it was given something: there is nothing to take back. */
        public boolean isSpent() {
            return isSpent;
        }
    }

    /**
     * How much work a share view has.
     *
     * @param uncommitted offsets that were handed out and are not committed
     * @param undispatched offsets of the topics below that nobody was given yet
     */
    record Backlog(long uncommitted, long undispatched) {}
}
