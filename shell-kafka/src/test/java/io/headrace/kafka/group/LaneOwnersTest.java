package io.headrace.kafka.group;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.headrace.engine.Engine;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicCatalog;
import io.headrace.engine.TopicCatalog.CatalogChange;
import io.headrace.engine.TopicConfig;
import io.headrace.engine.Views;
import io.headrace.kafka.EmbeddedClient;
import io.headrace.kafka.group.ToldCoordinator.Owner;
import io.headrace.kafka.topic.TopicIds;
import io.netty.util.concurrent.Ticker;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestPartition;
import org.apache.kafka.common.message.OffsetCommitRequestData.OffsetCommitRequestTopic;
import org.apache.kafka.common.message.OffsetCommitResponseData;
import org.apache.kafka.common.message.OffsetCommitResponseData.OffsetCommitResponsePartition;
import org.apache.kafka.common.message.OffsetCommitResponseData.OffsetCommitResponseTopic;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** What share views are told of their groups' commits. */
class LaneOwnersTest {
    private static final Topic VIEW = new Topic(7, "view", 8, Map.of(), TopicConfig.DEFAULTS, 1);
    private static final int[] LANES = {0, 1};

    private final TopicIds ids = new TopicIds("cluster");
    private final List<ToldShare> shares = new ArrayList<>();
    private final ToldCoordinator coordinator = new ToldCoordinator("view", ids.uuid(7));
    private final EmbeddedClient client = new EmbeddedClient(Ticker.newMockTicker(), "c1", "");
    private boolean isDeleted;
    private final LaneOwners owners = new LaneOwners(engine(), ids, coordinator.coordinator());

    private Engine engine() {
        Views views = fake(Views.class, "share", asked -> newShare());
        TopicCatalog catalog = fake(TopicCatalog.class, "find", asked -> isDeleted ? null : VIEW);
        return (Engine)
                Proxy.newProxyInstance(
                        LaneOwnersTest.class.getClassLoader(),
                        new Class<?>[] {Engine.class},
                        (proxy, method, arguments) ->
                                method.getName().equals("views") ? views : catalog);
    }

    private ToldShare newShare() {
        shares.add(new ToldShare());
        return shares.get(shares.size() - 1);
    }

    private static <T> T fake(Class<T> type, String name, Function<Object[], Object> answer) {
        return type.cast(
                Proxy.newProxyInstance(
                        LaneOwnersTest.class.getClassLoader(),
                        new Class<?>[] {type},
                        (proxy, method, arguments) -> {
                            assertEquals(name, method.getName());
                            return answer.apply(arguments);
                        }));
    }

    /** A member of the view's group waits at the ends of its lanes, which are known. */
    private ToldShare known() {
        wish();
        coordinator.sayCommitted(0);
        coordinator.say(new Owner("m1", "c1", LANES));
        client.run();
        assertEquals(List.of("before 8", "wish [0, 1]"), shares.get(0).takeTold());
        return shares.get(0);
    }

    private Runnable wish() {
        return owners.wish(client.request(new HeartbeatRequestData(), 4), VIEW, LANES, LANES, 1024);
    }

    /** Of one topic. */
    private static OffsetCommitRequestData commit(
            String group, String member, Uuid topic, long[]... laneAndOffset) {
        OffsetCommitRequestTopic named =
                new OffsetCommitRequestTopic().setName("view").setTopicId(topic);
        for (long[] each : laneAndOffset) {
            named.partitions()
                    .add(
                            new OffsetCommitRequestPartition()
                                    .setPartitionIndex((int) each[0])
                                    .setCommittedOffset(each[1]));
        }
        return new OffsetCommitRequestData()
                .setGroupId(group)
                .setMemberId(member)
                .setTopics(List.of(named));
    }

    private OffsetCommitRequestData commit(long[]... laneAndOffset) {
        return commit("g", "m1", ids.uuid(7), laneAndOffset);
    }

    /** What answers it: of each partition in turn. */
    private static OffsetCommitResponseData answer(
            OffsetCommitRequestData asked, Errors... errors) {
        OffsetCommitRequestTopic named = asked.topics().get(0);
        OffsetCommitResponseTopic answered =
                new OffsetCommitResponseTopic().setName(named.name()).setTopicId(named.topicId());
        for (int i = 0; i < errors.length; i++) {
            answered.partitions()
                    .add(
                            new OffsetCommitResponsePartition()
                                    .setPartitionIndex(named.partitions().get(i).partitionIndex())
                                    .setErrorCode(errors[i].code()));
        }
        return new OffsetCommitResponseData().setTopics(List.of(answered));
    }

    @Test
    void whatIsCommittedIsToldWithWhoOwnsWhat() {
        ToldShare share = known();
        OffsetCommitRequestData asked = commit(new long[] {0, 5}, new long[] {1, 6});
        owners.committed(asked, answer(asked, Errors.NONE, Errors.NONE));
        assertEquals(List.of("committed [0, 1] at [5, 6] by [0, 1]"), share.takeTold());
    }

    @Test
    void whatIsRefusedIsNotTold() {
        ToldShare share = known();
        OffsetCommitRequestData asked =
                commit(new long[] {0, 5}, new long[] {1, 6}, new long[] {2, 7});
        owners.committed(
                asked,
                answer(
                        asked,
                        Errors.ILLEGAL_GENERATION,
                        Errors.NONE,
                        Errors.OFFSET_METADATA_TOO_LARGE));
        assertEquals(List.of("committed [1] at [6] by [0, 1]"), share.takeTold());
        owners.committed(asked, answer(asked, Errors.ILLEGAL_GENERATION));
        assertEquals(List.of(), share.takeTold());
    }

    @Test
    void whatIsCommittedBySomebodyElseIsToldWithoutLanesOfHis() {
        ToldShare share = known();
        OffsetCommitRequestData asked = commit("g", "admin", ids.uuid(7), new long[] {0, 5});
        owners.committed(asked, answer(asked, Errors.NONE));
        assertEquals(List.of("committed [0] at [5] by []"), share.takeTold());
    }

    @Test
    void onlyOwnersAreBelievedThatTheyWillCommit() {
        ToldShare share = known();
        owners.committing(commit(new long[] {0, 5}, new long[] {2, 6}));
        assertEquals(List.of("committing [0] at [5]"), share.takeTold());
        owners.committing(commit("g", "m2", ids.uuid(7), new long[] {0, 5}));
        assertEquals(List.of(), share.takeTold());
    }

    @Test
    void aPositionThatIsNoneIsTheBeginning() {
        ToldShare share = known();
        owners.committing(commit(new long[] {0, -1}));
        assertEquals(List.of("committing [0] at [0]"), share.takeTold());
    }

    @Test
    void whatAnotherGroupCommitsIsNotTold() {
        ToldShare share = known();
        OffsetCommitRequestData asked = commit("other", "m1", ids.uuid(7), new long[] {0, 5});
        owners.committing(asked);
        owners.committed(asked, answer(asked, Errors.NONE));
        assertEquals(List.of(), share.takeTold());
    }

    @Test
    void whatIsCommittedOfAnotherTopicIsNotTold() {
        ToldShare share = known();
        OffsetCommitRequestData asked = commit("g", "m1", ids.uuid(8), new long[] {0, 5});
        owners.committing(asked);
        owners.committed(asked, answer(asked, Errors.NONE));
        assertEquals(List.of(), share.takeTold());
    }

    @Test
    void aChangeOfTheGroupIsLookedAt() {
        ToldShare share = known();
        owners.groupChanged("other");
        assertEquals(List.of(), coordinator.questions());
        owners.groupChanged("g");
        coordinator.say(new Owner("m2", "c2", LANES));
        owners.committing(commit(new long[] {0, 5}));
        assertEquals(List.of(), share.takeTold(), "his no more");
    }

    @Test
    void aViewThatIsDeletedIsToldNothingAnyMore() {
        ToldShare share = known();
        owners.onCatalogChange(new CatalogChange(CatalogChange.Kind.DELETED, VIEW, VIEW));
        OffsetCommitRequestData asked = commit(new long[] {0, 5});
        owners.committed(asked, answer(asked, Errors.NONE));
        assertEquals(List.of(), share.takeTold());
        wish(); // it is a new one for whoever asks
        assertEquals(2, shares.size());
    }

    @Test
    void aViewThatIsDeletedWhileItIsAskedForIsForgotten() {
        isDeleted = true;
        wish();
        OffsetCommitRequestData asked = commit(new long[] {0, 5});
        owners.committed(asked, answer(asked, Errors.NONE));
        assertEquals(List.of(), shares.get(0).takeTold());
    }

    @Test
    void aWishIsTakenBack() {
        ToldShare share = known();
        Runnable withdraw = wish();
        assertEquals(List.of("wish [0, 1]"), share.takeTold());
        withdraw.run();
        assertEquals(List.of("withdraw [0, 1]"), share.takeTold());
    }

    @Test
    void aViewThatNobodyHasAskedForIsGivenNothingAhead() {
        owners.wishAhead(client.request(new HeartbeatRequestData(), 4), VIEW, LANES, LANES, 1024);
        assertEquals(List.of(), shares);
    }
}
