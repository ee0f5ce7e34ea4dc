package io.headrace.objects;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.headrace.engine.spi.ObjectStore.StoredObject;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.exception.AbortedException;
import software.amazon.awssdk.http.AbortableInputStream;
import software.amazon.awssdk.http.SdkHttpResponse;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;

final class RangeBodyTest {
    /** The SDK throws it from a read of an interrupted thread; it is no IOException. */
    @Test
    void connectionOfABodyThatIsNotReadToItsEndIsDropped() {
        AbortedException interrupted = AbortedException.create("interrupted");
        AtomicInteger aborts = new AtomicInteger();
        AbortableInputStream body =
                AbortableInputStream.create(
                        new InputStream() {
                            @Override
                            public int read() {
                                throw interrupted;
                            }

                            @Override
                            public int read(byte[] into, int from, int length) {
                                throw interrupted;
                            }
                        },
                        aborts::incrementAndGet);
        StoredObject object = new StoredObject("key", 100, "version", 0);
        RangeBody range =
                new RangeBody(
                        object,
                        0,
                        ByteBuffer.allocate(100),
                        Duration.ofSeconds(10),
                        System::nanoTime);

        AbortedException thrown =
                assertThrows(AbortedException.class, () -> range.transform(whole(object), body));

        assertSame(interrupted, thrown);
        assertEquals(1, aborts.get());
    }

    private static GetObjectResponse whole(StoredObject object) {
        GetObjectResponse.Builder response = GetObjectResponse.builder();
        response.sdkHttpResponse(SdkHttpResponse.builder().statusCode(200).build());
        return response.eTag(object.version()).contentLength(object.length()).build();
    }
}
