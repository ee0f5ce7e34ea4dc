package io.headrace.kafka.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.Topic;
import io.headrace.engine.TopicConfig;
import io.headrace.kafka.EmbeddedClient;
import io.headrace.kafka.group.ToldCoordinator.Owner;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.junit.jupiter.api.Test;

/** Who may wish for records in which lanes. */
class SharedTopicTest {
    private static final String OWNERS = "consumerGroupDescribe";
    private static final Uuid ID = new Uuid(1, 7);

    private final MockTicker ticker = Ticker.newMockTicker();
    private final ToldShare share = new ToldShare();
    private final ToldCoordinator coordinator = new ToldCoordinator("view", ID);
    private final SharedTopic shared =
            new SharedTopic(topic(8), ID, share, coordinator.coordinator(), ticker::nanoTime);
    private final EmbeddedClient client = new EmbeddedClient(ticker, "c1", "");

    private static Topic topic(int lanes) {
        return new Topic(7, "view", lanes, Map.of(), TopicConfig.DEFAULTS, 1);
    }

    /** A fetch of that client waits at the ends of all lanes for which it asks. */
    private LaneWish add(int... lanes) {
        LaneWish wish =
                new LaneWish(
                        client.request(new HeartbeatRequestData(), 4), shared, lanes, lanes, 1024);
        shared.add(wish);
        return wish;
    }

    /** A first fetch, and what the coordinator says then. */
    private LaneWish addKnowing(Owner... owners) {
        LaneWish wish = add(0, 1, 2, 3);
        assertEquals(8, coordinator.sayCommitted(0));
        coordinator.say(owners);
        client.run();
        return wish;
    }

    @Test
    void nobodyWishesBeforeItIsKnownWhatIsCommittedAndWhoOwnsWhat() {
        add(0, 1);
        assertEquals(List.of("fetchOffsets"), coordinator.questions());
        coordinator.sayCommitted(5);
        client.run();
        assertEquals(List.of("before 8"), share.takeTold());
        coordinator.say(new Owner("m1", "c1", 0, 1));
        assertEquals(List.of(), share.takeTold(), "on its event loop");
        client.run();
        assertEquals(List.of("wish [0, 1]"), share.takeTold());
    }

    @Test
    void anOwnerWishesInTheLanesThatAreHis() {
        addKnowing(new Owner("m1", "c1", 0, 1, 2), new Owner("m2", "c2", 3, 4));
        assertEquals(List.of("before 8", "wish [0, 1, 2]"), share.takeTold());
    }

    @Test
    void aStrangerWishesForNothing() {
        addKnowing(new Owner("m1", "c2", 0, 1, 2, 3));
        assertEquals(List.of("before 8"), share.takeTold());
    }

    @Test
    void whoOwnsLessThanAQuarterWishesForNothing() {
        add(0, 1, 2, 3, 4, 5, 6, 7);
        coordinator.sayCommitted(0);
        coordinator.say(new Owner("m1", "c1", 0));
        client.run();
        assertEquals(List.of("before 8"), share.takeTold());
    }

    @Test
    void ofTwoMembersOfOneClientIdItIsTakenForTheOneWhoOwnsMost() {
        addKnowing(new Owner("m1", "c1", 0, 4, 5), new Owner("m2", "c1", 1, 2, 3));
        assertEquals(List.of("before 8", "wish [1, 2, 3]"), share.takeTold());
    }

    @Test
    void aWishThatIsTakenBackBeforeItCouldBeMadeIsNotMade() {
        LaneWish wish = add(0, 1);
        wish.withdraw();
        coordinator.sayCommitted(0);
        coordinator.say(new Owner("m1", "c1", 0, 1));
        client.run();
        assertEquals(List.of("before 8"), share.takeTold());
    }

    @Test
    void aWishThatWasMadeIsTakenBack() {
        LaneWish wish = addKnowing(new Owner("m1", "c1", 0, 1, 2, 3));
        share.takeTold();
        wish.withdraw();
        assertEquals(List.of("withdraw [0, 1, 2, 3]"), share.takeTold());
    }

    @Test
    void whatWasSaidIsTakenForTrueForASecond() {
        addKnowing(new Owner("m1", "c1", 0, 1));
        share.takeTold();
        ticker.advanceMillis(999);
        add(0, 1);
        assertEquals(List.of("wish [0, 1]"), share.takeTold());
        assertEquals(List.of(), coordinator.questions());
        ticker.advanceMillis(1);
        add(0, 1);
        assertEquals(List.of("wish [0, 1]"), share.takeTold(), "nobody waits for the answer");
        assertEquals(List.of(OWNERS), coordinator.questions());
    }

    @Test
    void whenTheGroupHasChangedWhoWaitsIsLookedAtAgain() {
        addKnowing(new Owner("m2", "c2", 0, 1, 2, 3));
        share.takeTold();
        shared.ownersChanged();
        coordinator.say(new Owner("m1", "c1", 0, 1), new Owner("m2", "c2", 2, 3));
        client.run();
        assertEquals(List.of("wish [0, 1]"), share.takeTold());
    }

    @Test
    void aChangeWhileItIsAskedIsAskedForAgain() {
        add(0, 1);
        shared.ownersChanged();
        coordinator.sayCommitted(0);
        coordinator.say(new Owner("m1", "c2", 0, 1)); // as it was before, perhaps
        coordinator.say(new Owner("m1", "c1", 0, 1));
        client.run();
        assertEquals(List.of("before 8", "wish [0, 1]"), share.takeTold());
        assertEquals(List.of(), coordinator.questions());
    }

    @Test
    void aChangeIsNotAskedForAsLongAsNobodyWaits() {
        LaneWish wish = addKnowing(new Owner("m1", "c1", 0, 1));
        wish.withdraw();
        shared.ownersChanged();
        assertEquals(List.of(), coordinator.questions());
        add(0, 1);
        assertEquals(List.of(OWNERS), coordinator.questions());
    }

    @Test
    void whatCannotBeSaidIsAskedForAgainAfterAWhile() {
        add(0, 1);
        coordinator.fail(new IllegalStateException("it is being loaded"));
        assertEquals(List.of(), coordinator.questions());
        ticker.advanceMillis(100);
        client.run();
        coordinator.sayCommitted(0);
        coordinator.say(new Owner("m1", "c1", 0, 1));
        client.run();
        assertEquals(List.of("before 8", "wish [0, 1]"), share.takeTold());
    }

    @Test
    void aClassicGroupIsAskedForInItsOwnWay() {
        add(0, 1, 2);
        coordinator.sayCommitted(0);
        coordinator.sayClassic("Stable", new Owner("m1", "c1", 0, 2));
        client.run();
        assertEquals(List.of("before 8", "wish [0, 2]"), share.takeTold());
    }

    @Test
    void betweenTwoAssignmentsMembersKeepWhatTheyHave() {
        addKnowing(new Owner("m1", "c1", 0, 1));
        share.takeTold();
        shared.ownersChanged();
        coordinator.sayClassic("PreparingRebalance", new Owner("m1", "c1"));
        client.run();
        assertEquals(lanes(0, 1), shared.lanesOf("m1"));
        shared.ownersChanged();
        coordinator.sayClassic("Empty");
        client.run();
        assertEquals(lanes(), shared.lanesOf("m1"));
    }

    @Test
    void lanesThatAreAddedAreGivenNothingBeforeItIsKnownWhatIsCommittedThere() {
        addKnowing(new Owner("m1", "c1", 0, 1));
        share.takeTold();
        shared.topic(topic(16));
        add(0, 1, 8);
        assertEquals(List.of(), share.takeTold());
        assertEquals(16, coordinator.sayCommitted(0));
        coordinator.say(new Owner("m1", "c1", 0, 1, 8));
        client.run();
        assertTrue(share.takeTold().contains("wish [0, 1, 8]"));
    }

    @Test
    void whoIsAnsweredWishesAheadOnlyIfThereIsPlenty() {
        addKnowing(new Owner("m1", "c1", 0, 1));
        share.takeTold();
        int[] lanes = {0, 1, 2};
        shared.wishAhead("c1", lanes, new int[] {1, 2}, 1024);
        assertEquals(List.of("ahead [1]"), share.takeTold());
        shared.wishAhead("c2", lanes, lanes, 1024);
        share.hasPlenty = false;
        shared.wishAhead("c1", lanes, lanes, 1024);
        assertEquals(List.of(), share.takeTold());
    }

    @Test
    void whatIsSaidOfAMembersLanesIsACopy() {
        addKnowing(new Owner("m1", "c1", 0, 1));
        shared.lanesOf("m1").clear();
        assertEquals(lanes(0, 1), shared.lanesOf("m1"));
        assertEquals(lanes(), shared.lanesOf("m2"));
    }

    private static BitSet lanes(int... numbers) {
        BitSet lanes = new BitSet();
        for (int number : numbers) {
            lanes.set(number);
        }
        return lanes;
    }
}
