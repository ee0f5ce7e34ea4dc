package io.headrace.kafka.group;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.kafka.EmbeddedClient;
import io.headrace.kafka.KafkaRequest;
import io.headrace.kafka.group.LostMembers.Member;
import io.headrace.kafka.group.LostMembers.Standing;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.junit.jupiter.api.Test;

/** When a member whose connection has closed is put out, by a clock that the test sets. */
class LostMembersTest {
    private static final int GRACE_MS = 1_500;
    private static final int INTERVAL_MS = 500;
    private static final int CLASSIC_INTERVAL_MS = 10_000;

    /** The clock's step; what is asserted leaves as much room. */
    private static final int STEP_MS = 10;

    private static final Member CLASSIC = new Member("g", "classic", true);
    private static final Member CONSUMER = new Member("g", "consumer", false);

    private final MockTicker ticker = Ticker.newMockTicker();
    private final List<EmbeddedClient> clients = new ArrayList<>();
    private final List<Member> left = new ArrayList<>();
    private LostMembers lost = lostMembers(GRACE_MS);
    private final EmbeddedClient client = client("apache-kafka-java");

    private LostMembers lostMembers(int graceMs) {
        return new LostMembers(
                graceMs,
                INTERVAL_MS,
                CLASSIC_INTERVAL_MS,
                ticker::nanoTime,
                (context, member, eventLoop) -> left.add(member));
    }

    private EmbeddedClient client(String software) {
        EmbeddedClient made = new EmbeddedClient(ticker, "client", software);
        clients.add(made);
        return made;
    }

    private static KafkaRequest request(EmbeddedClient from) {
        return from.request(new HeartbeatRequestData().setGroupId("g").setMemberId("m"), 4);
    }

    private void hear(EmbeddedClient from, Member member) {
        lost.heard(request(from), member, Standing.DYNAMIC);
    }

    private void pass(int ms) {
        for (int passed = 0; passed < ms; passed += STEP_MS) {
            hang(STEP_MS);
        }
    }

    /** All event loops are held up so long. */
    private void hang(int ms) {
        ticker.advanceMillis(ms);
        clients.forEach(EmbeddedClient::run);
    }

    private void assertLeavesAfter(int ms, Member member) {
        pass(ms - STEP_MS);
        assertEquals(List.of(), left);
        pass(2 * STEP_MS);
        assertEquals(List.of(member), left);
        pass(60_000);
        assertEquals(List.of(member), left, "once");
    }

    @Test
    void aClassicMemberAfterItsLongestIntervalAndTheGrace() {
        hear(client, CLASSIC);
        pass(2_000);
        hear(client, CLASSIC);
        pass(3_000);
        hear(client, CLASSIC);
        pass(1_000);
        hear(client, CLASSIC);
        client.disconnect();
        assertLeavesAfter(3_000 + GRACE_MS, CLASSIC);
    }

    @Test
    void aClassicMemberWhoseIntervalIsNotKnownAfterTheLongerOne() {
        hear(client, CLASSIC);
        client.disconnect();
        assertLeavesAfter(CLASSIC_INTERVAL_MS + GRACE_MS, CLASSIC);
    }

    @Test
    void aConsumerGroupsMemberAfterTheIntervalThatItIsTold() {
        hear(client, CONSUMER);
        client.disconnect();
        assertLeavesAfter(INTERVAL_MS + GRACE_MS, CONSUMER);
    }

    @Test
    void whoComesBackStays() {
        hear(client, CONSUMER);
        client.disconnect();
        pass(INTERVAL_MS + GRACE_MS - STEP_MS);
        EmbeddedClient again = client("apache-kafka-java");
        hear(again, CONSUMER);
        pass(60_000);
        assertEquals(List.of(), left);
        again.disconnect(); // and is waited for anew
        assertLeavesAfter(INTERVAL_MS + GRACE_MS, CONSUMER);
    }

    @Test
    void whoWasOwedAnAnswerAndDoesNotLookAfterTheGraceAlone() {
        hear(client, CLASSIC);
        lost.owedAtClose(request(client), CLASSIC);
        client.disconnect();
        assertLeavesAfter(GRACE_MS, CLASSIC);
    }

    @Test
    void whoWasOwedAnAnswerAndLooksIsWaitedFor() {
        hear(client, CONSUMER);
        lost.owedAtClose(request(client), CONSUMER);
        client.disconnect();
        pass(700);
        lost.looksUp("g", "client");
        assertLeavesAfter(GRACE_MS - 700 + INTERVAL_MS, CONSUMER);
    }

    @Test
    void softwareThatDoesNotLookIsWaitedForAsLongAsItMayTake() {
        EmbeddedClient other = client("librdkafka");
        hear(other, CONSUMER);
        lost.owedAtClose(request(other), CONSUMER);
        other.disconnect();
        assertLeavesAfter(INTERVAL_MS + GRACE_MS, CONSUMER);
    }

    @Test
    void afterALoopWasHeldUpWhatMembersHaveSentIsReadFirst() {
        hear(client, CONSUMER);
        client.disconnect();
        pass(INTERVAL_MS);
        hang(GRACE_MS + 200);
        assertEquals(List.of(), left);
        assertLeavesAfter(GRACE_MS, CONSUMER);
    }

    @Test
    void nobodyWhoIsStaticJoinsOrHasNotSaidWhatHeIs() {
        lost.heard(request(client), CLASSIC, Standing.STATIC);
        lost.heard(request(client), CONSUMER, Standing.UNSAID);
        Member joining = new Member("g", "joining", true);
        lost.joins(request(client), joining, Standing.DYNAMIC, 45_000);
        client.disconnect();
        pass(120_000);
        assertEquals(List.of(), left);
    }

    @Test
    void whoHasJoinedIsKnown() {
        lost.joins(request(client), CLASSIC, Standing.DYNAMIC, 45_000);
        assertEquals(45_000, lost.sessionMs(CLASSIC));
        lost.syncs(request(client), CLASSIC, Standing.DYNAMIC);
        client.disconnect();
        assertLeavesAfter(CLASSIC_INTERVAL_MS + GRACE_MS, CLASSIC);
    }

    @Test
    void whoHasLeftIsNotPutOut() {
        hear(client, CONSUMER);
        lost.left(CONSUMER);
        client.disconnect();
        pass(60_000);
        assertEquals(List.of(), left);
    }

    @Test
    void whoIsNoMemberTakesNobodysPlace() {
        for (int i = 0; i < 64; i++) {
            Member unknown = new Member("g", "unknown-" + i, false);
            hear(client, unknown);
            lost.left(unknown);
        }
        hear(client, CONSUMER);
        client.disconnect();
        assertLeavesAfter(INTERVAL_MS + GRACE_MS, CONSUMER);
    }

    @Test
    void membersBeyondWhatAConnectionMayHaveAreLeftToTheirSessions() {
        for (int i = 0; i < 64; i++) {
            hear(client, new Member("g", "member-" + i, false));
        }
        hear(client, CONSUMER);
        client.disconnect();
        pass(60_000);
        assertEquals(64, left.size());
        assertFalse(left.contains(CONSUMER));
    }

    @Test
    void aLookIsRememberedAsLongAsItIsAskedFor() {
        int graceMs = 20_000;
        lost = lostMembers(graceMs);
        hear(client, CONSUMER);
        lost.owedAtClose(request(client), CONSUMER);
        client.disconnect();
        lost.looksUp("g", "client");
        pass(graceMs - 1_000);
        for (int i = 0; i < 10_000; i++) { // one more than are remembered beside it
            lost.looksUp("g", "other-" + i);
        }
        pass(1_000 + STEP_MS);
        assertEquals(List.of(), left);
        pass(INTERVAL_MS + STEP_MS);
        assertEquals(List.of(CONSUMER), left);
    }

    @Test
    void whereThereAreTooManyLooksAllAreTakenToHaveLooked() {
        int graceMs = 20_000;
        lost = lostMembers(graceMs);
        for (int i = 0; i < 10_001; i++) {
            lost.looksUp("g", "other-" + i);
        }
        hear(client, CONSUMER);
        lost.owedAtClose(request(client), CONSUMER);
        client.disconnect();
        pass(graceMs + STEP_MS);
        assertEquals(List.of(), left);
        pass(INTERVAL_MS + STEP_MS);
        assertEquals(List.of(CONSUMER), left);
    }

    @Test
    void nobodyWhereItIsSwitchedOff() {
        lost = lostMembers(0);
        hear(client, CONSUMER);
        client.disconnect();
        pass(60_000);
        assertEquals(List.of(), left);
    }

    @Test
    void aHeartbeatMayWaitUnlessItsMemberIsToldSomething() {
        assertFalse(lost.mayWait(CONSUMER), "nobody knows it");
        hear(client, CONSUMER);
        assertTrue(lost.mayWait(CONSUMER));
        lost.told(CONSUMER, true);
        assertFalse(lost.mayWait(CONSUMER));
        lost.told(CONSUMER, false);
        assertTrue(lost.mayWait(CONSUMER));
        lost.heard(request(client), CONSUMER, Standing.STATIC);
        assertFalse(lost.mayWait(CONSUMER));
    }
}
