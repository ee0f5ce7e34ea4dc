package io.headrace.objects;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.headrace.engine.spi.ObjectStore;
import io.headrace.engine.spi.ObjectStore.ObjectChangedException;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import io.headrace.engine.spi.ObjectStoreContractTest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DirectoryObjectStoreTest extends ObjectStoreContractTest {
    @TempDir private Path folder;
    private Path root;
    private DirectoryObjectStore store;

    @BeforeEach
    void open() throws IOException {
        root = Files.createDirectory(folder.resolve("root"));
        store = new DirectoryObjectStore("files", root);
    }

    @AfterEach
    void close() {
        store.close();
    }

    @Override
    protected ObjectStore store() {
        return store;
    }

    @Override
    protected void put(String key, byte[] content) throws IOException {
        Path path = root.resolve(key);
        Files.createDirectories(path.getParent());
        Files.write(path, content);
    }

    @Override
    protected void remove(String key) throws IOException {
        Files.delete(root.resolve(key));
    }

    @Test
    void rootHasToBeAFolder() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "x");
        assertThrows(IOException.class, () -> new DirectoryObjectStore("f", file));
        assertThrows(
                NoSuchFileException.class,
                () -> new DirectoryObjectStore("f", folder.resolve("absent")));
    }

    @Test
    void keysBeyondTheBasicPlaneComeLast() throws IOException {
        put("\uD83D\uDE00", bytes("x")); // four bytes in UTF-8, and less than U+FFFD as UTF-16
        put("\uFFFD", bytes("x"));
        assertEquals("\uFFFD", store.list("", null, 1).get(0).key());
        assertEquals("\uD83D\uDE00", store.list("", "\uFFFD", 1).get(0).key());
    }

    @Test
    void linksOutOfTheRootAreNeitherListedNorRead() throws IOException {
        Path secret = Files.writeString(folder.resolve("secret"), "secret");
        Path outside = Files.createDirectory(folder.resolve("outside"));
        Files.writeString(outside.resolve("file"), "secret");
        Files.createSymbolicLink(root.resolve("link"), secret);
        Files.createSymbolicLink(root.resolve("folder"), outside);
        Files.createSymbolicLink(root.resolve("dangling"), folder.resolve("absent"));
        assertEquals(List.of(), store.list("", null, 10));
        assertEquals(List.of(), store.list("folder/", null, 10));
        assertEquals(List.of(), store.list("../", null, 10));
        assertEquals(List.of(), store.list(outside + "/", null, 10));
        for (String key :
                List.of("link", "folder/file", "../secret", "a/../../secret", secret.toString())) {
            assertRefused(key);
        }
    }

    @Test
    void linkReplacedAfterListingDoesNotLeadOut() throws IOException {
        put("k", bytes("inside"));
        StoredObject listed = only("k");
        Path secret = Files.writeString(folder.resolve("secret"), "secret");
        Files.delete(root.resolve("k"));
        Files.createSymbolicLink(root.resolve("k"), secret);
        assertThrows(IOException.class, () -> read(listed, 6));
    }

    private void assertRefused(String key) {
        StoredObject forged = new StoredObject(key, 6, "any", 0);
        ByteBuffer into = ByteBuffer.allocate(6);
        IOException refused =
                assertThrows(IOException.class, () -> store.read(forged, 0, into), key);
        assertFalse(refused instanceof ObjectChangedException, key);
        assertEquals(0, into.position(), key);
    }

    @Test
    void linkToAFileInsideIsAnObject() throws IOException {
        put("data/file", bytes("content"));
        Files.createSymbolicLink(root.resolve("link"), root.resolve("data/file"));
        StoredObject object = only("link");
        assertEquals("content", read(object, 7));
    }

    @Test
    void sameSizeWrittenInPlaceAtTheSameTimeOfDayIsStillAChange() throws IOException {
        put("k", bytes("before"));
        StoredObject before = only("k");
        FileTime modified = Files.getLastModifiedTime(root.resolve("k"));
        Path replacement = Files.write(folder.resolve("new"), bytes("behind"));
        Files.setLastModifiedTime(replacement, modified);
        Files.move(replacement, root.resolve("k"), StandardCopyOption.REPLACE_EXISTING);
        assertThrows(ObjectChangedException.class, () -> read(before, 6));
    }

    @Test
    void listingsAtTheSameTimeReadEachFolderOnce() throws IOException {
        for (String key : List.of("a/1", "a/2", "b/1", "b/2")) {
            put(key, bytes("x"));
        }
        assertEquals("a/1", store.list("a/", null, 1).get(0).key());
        assertEquals("b/1", store.list("b/", null, 1).get(0).key());
        put("a/3", bytes("x")); // seen only by who reads the folder again
        put("b/3", bytes("x"));
        assertEquals(1, store.list("a/", "a/1", 10).size());
        assertEquals(1, store.list("b/", "b/1", 10).size());
        assertEquals(2, store.list("b/", "b/1", 10).size());
    }
}
