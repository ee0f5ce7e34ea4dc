package io.headrace.objects.format;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.headrace.objects.format.Scans.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Objects of random bytes, and sound ones with some bytes changed: every scan ends in samples that
 * lie within the object, and then at its end or in an error, and comes to the same in pieces.
 */
final class GarbageTest {
    private static final int RUNS = 3000;

    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);
    @TempDir private Path folder;

    @BeforeEach
    void printSeed() {
        System.out.println("seed=" + seed);
    }

    private void scan(Scans scans, byte[] object) {
        try {
            Outcome known = scans.whole(object);
            Outcome unknown = scans.pieces(object, 1 + random.nextInt(600), false);
            assertEquals(known.samples().size(), unknown.samples().size());
            assertEquals(known.error() == null, unknown.error() == null);
            known.samples()
                    .forEach(
                            sample ->
                                    sample.parts()
                                            .forEach(
                                                    part ->
                                                            Objects.checkFromIndexSize(
                                                                    part.position(),
                                                                    part.length(),
                                                                    (long) object.length)));
        } catch (RuntimeException | AssertionError failed) {
            throw new AssertionError("seed=" + seed, failed);
        }
    }

    private void scanChanged(Scans scans, byte[] sound) {
        for (int run = 0; run < RUNS; run++) {
            byte[] object = sound.clone();
            for (int i = random.nextInt(4); i >= 0; i--) {
                object[random.nextInt(object.length)] = (byte) random.nextInt();
            }
            scan(scans, object);
        }
    }

    @Test
    void randomBytes() {
        for (Scans scans :
                new Scans[] {
                    new Scans(BundledReaders.LINES),
                    new Scans(BundledReaders.TAR),
                    new Scans(BundledReaders.MDS),
                    new Scans(BundledReaders.TF_RECORD),
                    new Scans(BundledReaders.FIXED, 7)
                }) {
            for (int run = 0; run < RUNS; run++) {
                byte[] object = new byte[random.nextInt(1500)];
                random.nextBytes(object);
                scan(scans, object);
            }
        }
    }

    @Test
    void changedMds() throws Exception {
        Tools.python(folder, "write_mds.py", "a", 3);
        scanChanged(new Scans(BundledReaders.MDS), Files.readAllBytes(folder.resolve("a")));
    }

    @Test
    void changedTfRecords() throws Exception {
        Tools.python(folder, "write_tfrecord.py", "a", 5);
        scanChanged(new Scans(BundledReaders.TF_RECORD), Files.readAllBytes(folder.resolve("a")));
    }

    /** Headers keep their checksums, so that changes get beyond them. */
    @Test
    void changedTars() {
        for (int run = 0; run < RUNS; run++) {
            TarBytes tar = new TarBytes();
            if (random.nextInt(4) == 0) {
                tar.base256Size();
            }
            for (int i = random.nextInt(5); i >= 0; i--) {
                addMember(tar);
            }
            scan(new Scans(BundledReaders.TAR), random.nextBoolean() ? tar.end() : tar.bytes());
        }
    }

    private void addMember(TarBytes tar) {
        switch (random.nextInt(5)) {
            case 0 -> tar.file("a" + random.nextInt(2) + "." + random.nextInt(4), 5);
            case 1 -> tar.pax(random.nextBoolean() ? "path" : "size", "" + random.nextInt(2000));
            case 2 -> tar.longName("b.".repeat(random.nextInt(200)));
            case 3 ->
                    tar.header(
                            "c.d",
                            random.nextInt(1500),
                            (byte) "0123457LKxgSMV".charAt(random.nextInt(14)));
            default ->
                    tar.extension(
                            "xg".charAt(random.nextInt(2)),
                            random.nextInt(30) + " path=" + "é".repeat(random.nextInt(4)) + "\n");
        }
    }
}
