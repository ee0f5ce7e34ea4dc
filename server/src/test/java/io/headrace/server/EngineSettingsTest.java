package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.EngineContext;
import io.headrace.offheap.OffHeapContext;
import io.headrace.offheap.OffHeapMemoryStore;
import io.headrace.server.config.ConfigException;
import io.headrace.server.config.ServerConfig;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What the server's keys mean to the engine, where one says what another may. */
class EngineSettingsTest {
    private static final String DEDUPE = "log.cleaner.dedupe.buffer.size";

    @Test
    void compactionMayNotHaveMoreThanAQuarterOfTheMemory() {
        assertEquals(16 << 20, bytesOf(64 << 20, Map.of(DEDUPE, "16777216")));
        ConfigException refused =
                assertThrows(
                        ConfigException.class, () -> bytesOf(64 << 20, Map.of(DEDUPE, "16777217")));
        String message = String.valueOf(refused.getMessage());
        assertTrue(message.contains("key=" + DEDUPE + " value=16777217"), message);
        assertTrue(message.contains("headrace.memory.budget.bytes, 16777216"), message);
    }

    @Test
    void theDefaultKeepsToASmallBudgetByItself() {
        assertEquals(16 << 20, bytesOf(512 << 20, Map.of()));
        assertEquals(1 << 18, bytesOf(1 << 20, Map.of()));
    }

    private static long bytesOf(int budgetBytes, Map<String, String> settings) {
        try (OffHeapMemoryStore memory =
                new OffHeapMemoryStore(new OffHeapContext().budgetBytes(budgetBytes))) {
            EngineContext context = EngineSettings.of(ServerConfig.of(settings), memory);
            return context.compactionMemoryBytes();
        }
    }
}
