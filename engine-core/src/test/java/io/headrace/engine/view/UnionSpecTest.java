package io.headrace.engine.view;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.headrace.engine.InvalidConfigException;
import io.headrace.engine.Topic;
import io.headrace.engine.TopicConfig;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Which names a union's pattern has. */
final class UnionSpecTest {
    private static UnionSpec of(String pattern) {
        return (UnionSpec)
                ViewSpec.of(Map.of("headrace.view.type", "union", ViewSpec.TOPICS_CONFIG, pattern));
    }

    @Test
    void aStarStandsForAnyCharacters() {
        UnionSpec spec = of("agents.*.status");
        assertEquals("agents.", spec.prefix());
        assertEquals(true, spec.matches("agents.1.status"));
        assertEquals(true, spec.matches("agents.a.b.status"));
        assertEquals(true, spec.matches("agents..status"));
        assertEquals(false, spec.matches("agents.status"));
        assertEquals(false, spec.matches("agents.1.status2"));
        assertEquals(false, spec.matches("agents.1.state"));
        assertEquals(List.of(), spec.topics());
    }

    @Test
    void aNameWithoutAStarIsItself() {
        assertEquals(true, of("agents").matches("agents"));
        assertEquals(false, of("agents").matches("agents1"));
        assertEquals("agents", of("agents").prefix());
    }

    @Test
    void matchesAsARegularExpressionWould() {
        Random random = new Random(7);
        for (int i = 0; i < 100_000; i++) {
            String pattern = "a" + text(random, "ab*");
            String name = "a" + text(random, "ab");
            boolean expected = Pattern.matches(pattern.replace("*", ".*"), name);
            assertEquals(expected, of(pattern).matches(name), pattern + " " + name);
        }
    }

    private static String text(Random random, String of) {
        StringBuilder text = new StringBuilder();
        for (int length = random.nextInt(7); length > 0; length--) {
            text.append(of.charAt(random.nextInt(of.length())));
        }
        return text.toString();
    }

    @Test
    void isOverNoInternalTopicWhateverThePattern() {
        for (String pattern : List.of("_*", "_*_offsets")) {
            assertEquals(false, of(pattern).isOver(topic("__consumer_offsets")), pattern);
            assertEquals(true, of(pattern).isOver(topic("_consumer_offsets")), pattern);
        }
    }

    private static Topic topic(String name) {
        return new Topic(1, name, 1, Map.of(), TopicConfig.DEFAULTS, 1);
    }

    @Test
    void aPatternBeginsWithSomethingThatIsNotInternal() {
        for (String pattern :
                List.of("", " ", "*", "*a", "__a*", "a,b", "a b", "ä", "a".repeat(250))) {
            assertThrows(InvalidConfigException.class, () -> of(pattern), pattern);
        }
        assertEquals("_a*", of(" _a* ").pattern());
    }
}
