package io.headrace.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.kafka.common.message.DescribeConfigsRequestData;
import org.apache.kafka.common.message.DescribeConfigsRequestData.DescribeConfigsResource;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.requests.AbstractRequest;
import org.apache.kafka.common.requests.RequestHeader;
import org.junit.jupiter.api.Test;

/** No number in a request decides how much is allocated before there are bytes to go with it. */
class HostileCountsTest {
    private static final int FRAME_LENGTH = 512;

    /**
     * What a frame of that length may cost: the honest ones among the random ones stay far below.
     */
    private static final long ALLOCATED_MAX = 512 * 1024;

    private static final int TRIES_PER_VERSION = 150;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @Test
    void noVersionOfAnyApiAllocatesByAFalseCount() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (ApiKeys api : ApiKeys.brokerApis()) {
            for (short version : api.allVersions()) {
                for (int i = 0; i < TRIES_PER_VERSION; i++) {
                    ByteBuffer body = hostile(random);
                    long allocated = allocatedBy(() -> parse(api, version, body));
                    assertTrue(
                            allocated < ALLOCATED_MAX,
                            () ->
                                    api
                                            + " version "
                                            + version
                                            + " allocated "
                                            + allocated
                                            + " seed="
                                            + seed);
                }
            }
        }
    }

    @Test
    void noHeaderAllocatesByAFalseCount() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        List<ApiKeys> apis = new ArrayList<>(ApiKeys.brokerApis());
        for (int i = 0; i < 20_000; i++) {
            ApiKeys api = apis.get(random.nextInt(apis.size()));
            ByteBuffer frame = hostile(random);
            frame.putShort(0, api.id).putShort(2, api.latestVersion());
            long allocated = allocatedBy(() -> parseHeader(frame));
            assertTrue(allocated < ALLOCATED_MAX, () -> api + " seed=" + seed);
        }
    }

    @Test
    void anHonestMillionOfEmptyStringsIsChargedAndThenRefused() {
        RequestReader reader = reader(500_000);
        AbstractRequest.parseRequest(ApiKeys.DESCRIBE_CONFIGS, (short) 4, reader);
        assertTrue(reader.heapBytes() > 500_000 * 40L);
        RequestReader tooMany = reader(999_000);
        assertThrows(
                IllegalArgumentException.class,
                () -> AbstractRequest.parseRequest(ApiKeys.DESCRIBE_CONFIGS, (short) 4, tooMany));
        assertEquals(RequestReader.FIELDS_MAX + 1, tooMany.heapBytes() / 40);
    }

    /** Each name is two fields, its length and its bytes; two resources make up the number. */
    private static RequestReader reader(int namesPerResource) {
        List<String> names = java.util.Collections.nCopies(namesPerResource, "");
        DescribeConfigsRequestData data = new DescribeConfigsRequestData();
        data.resources()
                .add(
                        new DescribeConfigsResource()
                                .setResourceName("a")
                                .setConfigurationKeys(names));
        if (namesPerResource > 900_000) {
            data.resources().add(data.resources().get(0).duplicate().setResourceName("b"));
        }
        return new RequestReader(MessageUtil.toByteBufferAccessor(data, (short) 4).buffer());
    }

    /**
     * Small numbers, so that the reader gets far into nested arrays, and now and then a huge one.
     */
    private static ByteBuffer hostile(Random random) {
        ByteBuffer body = ByteBuffer.allocate(FRAME_LENGTH);
        while (body.remaining() >= 8) {
            switch (random.nextInt(12)) {
                case 0 -> body.putInt(Integer.MAX_VALUE - random.nextInt(3));
                case 1 -> body.put((byte) 0xFF).put((byte) 0xFF).put((byte) 0xFF).put((byte) 7);
                case 2 -> body.putShort(Short.MAX_VALUE);
                case 3 -> body.putInt(random.nextInt(FRAME_LENGTH));
                case 4 -> body.put((byte) 0xFF).put((byte) 0xFF).put((byte) 0x3D);
                case 5 -> body.putInt(-random.nextInt(5));
                case 6 -> body.putInt(1 + random.nextInt(2));
                case 7 -> body.putShort((short) random.nextInt(3));
                default -> body.put((byte) random.nextInt(4));
            }
        }
        return body.position(0).limit(FRAME_LENGTH);
    }

    private static void parse(ApiKeys api, short version, ByteBuffer body) {
        try {
            AbstractRequest.parseRequest(api, version, new RequestReader(body.duplicate()));
        } catch (RuntimeException expected) {
            // what nearly all of them are for
        }
    }

    private static void parseHeader(ByteBuffer frame) {
        try {
            RequestHeader.parse(frame.duplicate());
        } catch (RuntimeException expected) {
            // as above
        }
    }

    private long allocatedBy(Runnable work) {
        long id = Thread.currentThread().getId();
        long before = threads.getThreadAllocatedBytes(id);
        work.run();
        long allocated = threads.getThreadAllocatedBytes(id) - before;
        return allocated < ALLOCATED_MAX ? allocated : allocatedAgainBy(work, id);
    }

    /** Classes are loaded but once; what a count allocates is allocated each time. */
    private long allocatedAgainBy(Runnable work, long id) {
        long before = threads.getThreadAllocatedBytes(id);
        work.run();
        return threads.getThreadAllocatedBytes(id) - before;
    }
}
