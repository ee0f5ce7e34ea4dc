package io.headrace.engine.spi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.spi.ObjectStore.ObjectChangedException;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** What every {@link ObjectStore} does. A subclass brings an empty store and a way to change it. */
public abstract class ObjectStoreContractTest {
    private static final int SMALL_OBJECT_COUNT = 2500;

    /** The store under test, empty when a test begins. */
    protected abstract ObjectStore store();

    /** Creates or replaces an object. */
    protected abstract void put(String key, byte[] content) throws IOException;

    /** Removes an object. */
    protected abstract void remove(String key) throws IOException;

    @Test
    void emptyStoreListsNothing() throws IOException {
        assertEquals(List.of(), store().list("", null, 10));
        assertEquals(List.of(), store().list("absent/", null, 10));
    }

    @Test
    void listsInUnsignedByteOrderOfKeys() throws IOException {
        // '-' and '.' come before '/', '0' after it
        List<String> keys =
                List.of("a-b", "a.txt", "a/b/c", "a/b0", "a/z", "a0", "b", "é", "\uD83D\uDE00");
        List<String> shuffled = new ArrayList<>(keys);
        Collections.shuffle(shuffled, new Random(7));
        for (String key : shuffled) {
            put(key, bytes(key));
        }
        assertEquals(keys, keys(store().list("", null, 100)));
    }

    @Test
    void pagesContinueAfterAnyKeyWithoutLossOrRepetition() throws IOException {
        TreeSet<String> expected = new TreeSet<>();
        for (int i = 0; i < 37; i++) {
            String key = "f" + i % 5 + "/g" + i % 3 + "/" + i;
            put(key, bytes("x"));
            expected.add(key);
        }
        for (int limit : new int[] {1, 2, 7, 36, 37, 38}) {
            assertEquals(List.copyOf(expected), listAll("", limit), "limit=" + limit);
        }
        // from keys that do not exist, and out of sequence
        assertEquals(expected.tailSet("f2", false).first(), store().list("", "f2", 1).get(0).key());
        assertEquals(
                expected.tailSet("f1/g1/~", false).first(),
                store().list("", "f1/g1/~", 1).get(0).key());
        assertEquals(List.of(), store().list("", "f9", 5));
    }

    @Test
    void pageShorterThanItsLimitIsTheLast() throws IOException {
        for (int i = 0; i < 10; i++) {
            put("k" + i, bytes("x"));
        }
        assertEquals(10, store().list("", null, 10).size());
        assertEquals(10, store().list("", null, 11).size());
        assertEquals(List.of(), store().list("", "k9", 10));
    }

    @Test
    void prefixSelectsKeysAndNotFolders() throws IOException {
        for (String key : List.of("img/1", "img/2", "img-old/1", "imgx", "other")) {
            put(key, bytes("x"));
        }
        assertEquals(List.of("img/1", "img/2"), keys(store().list("img/", null, 10)));
        assertEquals(
                List.of("img-old/1", "img/1", "img/2", "imgx"),
                keys(store().list("img", null, 10)));
        assertEquals(List.of("img/2"), keys(store().list("img/", "img/1", 10)));
    }

    @Test
    void readsExactlyTheRangeAskedFor() throws IOException {
        byte[] content = new byte[300_000];
        new Random(1).nextBytes(content);
        put("big", content);
        StoredObject object = only("big");
        assertEquals(content.length, object.length());
        for (int[] range :
                new int[][] {{0, 300_000}, {0, 1}, {299_999, 1}, {12_345, 54_321}, {5, 0}}) {
            ByteBuffer into = ByteBuffer.allocateDirect(range[1]);
            store().read(object, range[0], into);
            assertFalse(into.hasRemaining());
            byte[] read = new byte[range[1]];
            into.flip().get(read);
            assertArrayEquals(Arrays.copyOfRange(content, range[0], range[0] + range[1]), read);
        }
    }

    @Test
    void readFillsFromThePositionOfTheBuffer() throws IOException {
        put("k", bytes("abcdef"));
        ByteBuffer into = ByteBuffer.wrap(bytes("........"));
        into.position(2).limit(5);
        store().read(only("k"), 1, into);
        assertEquals("..bcd...", new String(into.array(), StandardCharsets.UTF_8));
    }

    @Test
    void emptyObjectIsAnObject() throws IOException {
        put("empty", new byte[0]);
        StoredObject object = only("empty");
        assertEquals(0, object.length());
        store().read(object, 0, ByteBuffer.allocate(0));
    }

    @Test
    void changedObjectIsRefusedNamingBothVersions() throws IOException {
        put("k", bytes("before"));
        StoredObject before = only("k");
        put("k", bytes("behind"));
        StoredObject after = only("k");
        assertFalse(before.version().equals(after.version()));
        ObjectChangedException refused =
                assertThrows(ObjectChangedException.class, () -> read(before, 6));
        assertTrue(refused.getMessage().contains("key=k"), refused.getMessage());
        assertTrue(refused.getMessage().contains(before.version()), refused.getMessage());
        assertTrue(refused.getMessage().contains(after.version()), refused.getMessage());
        assertEquals("behind", read(after, 6));
    }

    @Test
    void vanishedObjectIsRefusedAsAbsent() throws IOException {
        put("k", bytes("before"));
        StoredObject object = only("k");
        remove("k");
        ObjectChangedException refused =
                assertThrows(ObjectChangedException.class, () -> read(object, 6));
        assertTrue(refused.getMessage().contains("found=absent"), refused.getMessage());
    }

    @Test
    void listedObjectSaysWhenItWasWritten() throws IOException {
        long before = System.currentTimeMillis() - 60_000;
        put("k", bytes("x"));
        long modifiedMs = only("k").modifiedMs();
        assertTrue(modifiedMs > before, "modifiedMs=" + modifiedMs);
        assertTrue(modifiedMs < before + 24 * 3600_000L, "modifiedMs=" + modifiedMs);
    }

    @Test
    void thousandsOfObjectsAreListedInPages() throws IOException {
        for (int i = 0; i < SMALL_OBJECT_COUNT; i++) {
            put(String.format("many/%05d", i), bytes("x"));
        }
        List<String> keys = listAll("many/", 1100);
        assertEquals(SMALL_OBJECT_COUNT, keys.size());
        assertEquals("many/00000", keys.get(0));
        assertEquals("many/02499", keys.get(SMALL_OBJECT_COUNT - 1));
    }

    private List<String> listAll(String prefix, int limit) throws IOException {
        List<String> all = new ArrayList<>();
        String after = null;
        while (true) {
            List<String> page = keys(store().list(prefix, after, limit));
            all.addAll(page);
            if (page.size() < limit) {
                return all;
            }
            after = page.get(page.size() - 1);
        }
    }

    /** The one object of that key. */
    protected final StoredObject only(String key) throws IOException {
        StoredObject object = store().list(key, null, 1).get(0);
        assertEquals(key, object.key());
        return object;
    }

    /** The first bytes of an object, as text. */
    protected final String read(StoredObject object, int length) throws IOException {
        ByteBuffer into = ByteBuffer.allocate(length);
        store().read(object, 0, into);
        return new String(into.array(), StandardCharsets.UTF_8);
    }

    private static List<String> keys(List<StoredObject> objects) {
        return objects.stream().map(StoredObject::key).toList();
    }

    /** The text in UTF-8. */
    protected static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
