package io.headrace.aeron;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.InvalidConfigException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AeronTopicTest {
    @Test
    void parsesTopicsPartitionsChannelsAndStreams() {
        assertEquals(
                List.of(
                        new AeronTopic("gradients", 0, "aeron:ipc", 10),
                        new AeronTopic("a.b", 3, "aeron:udp?endpoint=127.0.0.1:40123", -7)),
                AeronTopic.parse(
                        "gradients@aeron:ipc@10, a.b/3@aeron:udp?endpoint=127.0.0.1:40123@-7,"));
        assertEquals(List.of(), AeronTopic.parse(""));
    }

    @ParameterizedTest
    @ValueSource(strings = {"x", "t@aeron:ipc", "t@ipc@1", "t@aeron:ipc@one", "t/x@aeron:ipc@1"})
    void namesWhatItCannotParse(String bad) {
        InvalidConfigException e =
                assertThrows(InvalidConfigException.class, () -> AeronTopic.parse(bad));
        assertTrue(String.valueOf(e.getMessage()).contains("value=" + bad), e.getMessage());
    }

    @Test
    void theTapHasNoTether() {
        String channel = new AeronTopic("t", 0, "aeron:udp?endpoint=h:1", 1).tapChannel();
        assertTrue(channel.contains("tether=false"), channel);
        assertTrue(channel.contains("endpoint=h:1"), channel);
    }
}
