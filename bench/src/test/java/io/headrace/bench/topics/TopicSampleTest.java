package io.headrace.bench.topics;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

class TopicSampleTest {
    private static final IntFunction<String> NAME = Integer::toString;

    @Test
    void isAllWhenThereAreFew() {
        assertEquals(List.of("0", "1", "2"), new TopicSample(3, 10, NAME).topics());
    }

    @Test
    void isSpreadAndHoldsTheLast() {
        assertEquals(List.of("249999", "499999", "749999", "999999"), spread(1_000_000));
    }

    private static List<String> spread(int topicCount) {
        return new TopicSample(topicCount, 4, NAME).topics();
    }
}
