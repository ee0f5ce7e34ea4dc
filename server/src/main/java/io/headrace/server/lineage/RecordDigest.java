package io.headrace.server.lineage;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;

/**
 * SHA-256 over records as consumers see them, whatever batches they come in: of each its offset and
 * its timestamp (8 bytes each), its key and its value (4 bytes of length, −1 for none, and the
 * bytes), the number of its headers (4 bytes), and the name and value of each, as the key. All
 * numbers are big-endian. Not thread-safe.
 */
final class RecordDigest {
    private static final String PREFIX = "sha256:";

    private final ByteBuffer number = ByteBuffer.allocate(Long.BYTES);
    private final MessageDigest digest;

    RecordDigest() {
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has it", e);
        }
    }

    void add(ConsumerRecord<byte[], byte[]> record) {
        add(record.offset(), Long.BYTES);
        add(record.timestamp(), Long.BYTES);
        add(record.key());
        add(record.value());
        Header[] headers = record.headers().toArray();
        add(headers.length, Integer.BYTES);
        for (Header header : headers) {
            add(header.key().getBytes(StandardCharsets.UTF_8));
            add(header.value());
        }
    }

    private void add(byte @Nullable [] bytes) {
        add(bytes == null ? -1 : bytes.length, Integer.BYTES);
        if (bytes != null) {
            digest.update(bytes);
        }
    }

    private void add(long value, int length) {
        number.putLong(0, value);
        digest.update(number.array(), Long.BYTES - length, length);
    }

    /**
     * The digest of what was added, with its algorithm before it; nothing can be added any more.
     */
    String text() {
        return PREFIX + HexFormat.of().formatHex(digest.digest());
    }
}
