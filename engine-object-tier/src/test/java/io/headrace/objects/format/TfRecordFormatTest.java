package io.headrace.objects.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.objects.format.Scans.Found;
import io.headrace.objects.format.Scans.Outcome;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** TensorFlow's records. */
final class TfRecordFormatTest {
    /** A record of the three bytes "abc", by hand. */
    private static final int RECORD_LENGTH = 8 + 4 + 3 + 4;

    @TempDir private Path folder;

    private byte[] shard(int count) throws Exception {
        Tools.python(folder, "write_tfrecord.py", "shard.tfrecord", count);
        return Files.readAllBytes(folder.resolve("shard.tfrecord"));
    }

    @Test
    void readsWhatAnotherWriterWrote() throws Exception {
        byte[] object = shard(40);
        List<Found> samples = new Scans(BundledReaders.TF_RECORD).sound(object);
        assertEquals(40, samples.size());
        for (int i = 0; i < 40; i++) {
            assertEquals(1, samples.get(i).parts().size());
            assertEquals(i * 13 % 50, samples.get(i).parts().get(0).length());
            long at = samples.get(i).parts().get(0).position();
            for (int j = 0; j < i * 13 % 50; j++) {
                assertEquals((byte) (j * i + 3), object[(int) at + j]);
            }
        }
    }

    @Test
    void findsEveryFlippedBit() throws Exception {
        byte[] sound = shard(4);
        int count = new Scans(BundledReaders.TF_RECORD).whole(sound).samples().size();
        assertEquals(4, count);
        for (int bit = 0; bit < sound.length * 8; bit++) {
            byte[] object = sound.clone();
            object[bit / 8] ^= (byte) (1 << bit % 8);
            Outcome outcome = new Scans(BundledReaders.TF_RECORD).whole(object);
            assertNotNull(outcome.error(), "bit=" + bit);
            assertTrue(outcome.samples().size() < 4);
        }
    }

    @Test
    void refusesLengthsThatCannotBe() {
        for (long length :
                new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE, Long.MAX_VALUE - 16, 4}) {
            byte[] object = new byte[RECORD_LENGTH];
            ByteBuffer buffer = ByteBuffer.wrap(object).order(ByteOrder.LITTLE_ENDIAN);
            buffer.putLong(length);
            CRC32C crc = new CRC32C();
            crc.update(object, 0, 8);
            buffer.putInt(Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8);
            for (boolean isLengthKnown : new boolean[] {true, false}) {
                Outcome outcome =
                        new Scans(BundledReaders.TF_RECORD).pieces(object, 7, isLengthKnown);
                assertNotNull(outcome.error(), "length=" + length);
                assertEquals(0, outcome.samples().size());
            }
        }
    }
}
