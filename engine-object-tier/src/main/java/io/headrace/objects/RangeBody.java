package io.headrace.objects;

import io.headrace.engine.spi.ObjectStore.ObjectChangedException;
import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.function.LongSupplier;
import software.amazon.awssdk.core.exception.RetryableException;
import software.amazon.awssdk.core.sync.ResponseTransformer;
import software.amazon.awssdk.http.AbortableInputStream;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;

/**
 * Reads the answer to a request for a range into a buffer, and takes nothing else for it: the
 * answer has to say that it is this range of this version, has to be as long as it, and has to come
 * without stalling. The connection of one that is not is dropped, so that nobody waits for its
 * rest.
 */
final class RangeBody implements ResponseTransformer<GetObjectResponse, GetObjectResponse> {
    private static final int CHUNK_LENGTH = 64 << 10;
    private static final int PARTIAL_CONTENT = 206;

    /** Fewer bytes than this within the stall timeout are no progress. */
    private static final int PROGRESS_MIN = 16 << 10;

    private final long offset;
    private final ByteBuffer into;
    private final int begin;
    private final StoredObject object;
    private final long stallTimeoutNanos;
    private final LongSupplier nanoClock;

    RangeBody(
            StoredObject object,
            long offset,
            ByteBuffer into,
            Duration stallTimeout,
            LongSupplier nanoClock) {
        this.object = object;
        this.offset = offset;
        this.into = into;
        this.begin = into.position();
        this.stallTimeoutNanos = stallTimeout.toNanos();
        this.nanoClock = nanoClock;
    }

    @Override
    public GetObjectResponse transform(GetObjectResponse response, AbortableInputStream body) {
        into.position(begin);
        try {
            requireVersion(response);
            requireRange(response);
            readFully(body);
            return response;
        } catch (IOException broken) {
            body.abort();
            throw RetryableException.create("not the body that was asked for", broken);
        } catch (RuntimeException ended) {
            body.abort(); // closed by the SDK instead, it would first be read to its end
            throw ended;
        }
    }

    /** Asking for a version is not enough: there are servers that send whichever they have. */
    private void requireVersion(GetObjectResponse response) throws ObjectChangedException {
        String found = response.eTag();
        if (found != null && !unquoted(found).equals(unquoted(object.version()))) {
            throw new ObjectChangedException(object.key(), object.version(), found);
        }
        String range = response.contentRange();
        String total = range == null ? "*" : range.substring(range.indexOf('/') + 1);
        if (!total.equals("*") && !total.equals(Long.toString(object.length()))) {
            throw new ObjectChangedException(
                    object.key(), object.version(), "length=" + total + " as " + found);
        }
    }

    private static String unquoted(String etag) {
        return etag.replace("\"", "");
    }

    private void requireRange(GetObjectResponse response) throws IOException {
        int length = into.remaining();
        String range = response.contentRange();
        boolean isPart = response.sdkHttpResponse().statusCode() == PARTIAL_CONTENT;
        boolean isAsked =
                isPart
                        ? range != null
                                && range.startsWith(
                                        "bytes " + offset + "-" + (offset + length - 1) + "/")
                        : offset == 0 && length == object.length();
        if (!isAsked) {
            throw new IOException("another range: asked=" + offset + "+" + length + " is=" + range);
        }
        Long announced = response.contentLength();
        if (announced != null && announced != length) {
            throw new EOFException("body of another length: asked=" + length + " is=" + announced);
        }
    }

    private void readFully(AbortableInputStream body) throws IOException {
        byte[] chunk = new byte[Math.min(CHUNK_LENGTH, into.remaining())];
        long since = nanoClock.getAsLong();
        int before = into.remaining();
        while (into.hasRemaining()) {
            int read = body.read(chunk, 0, Math.min(chunk.length, into.remaining()));
            if (read < 0) {
                throw new EOFException("body too short: missing=" + into.remaining());
            }
            into.put(chunk, 0, read);
            long now = nanoClock.getAsLong();
            if (now - since > stallTimeoutNanos) {
                if (before - into.remaining() < PROGRESS_MIN && into.hasRemaining()) {
                    throw new IOException("body stalls: missing=" + into.remaining());
                }
                since = now;
                before = into.remaining();
            }
        }
    }
}
