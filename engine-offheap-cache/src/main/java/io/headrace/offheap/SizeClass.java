package io.headrace.offheap;

/**
 * The sizes of slabs: 1 KiB, 4 KiB and so on to 4 MiB, each four times the one before, so that four
 * neighbours merge into one of the next class.
 */
final class SizeClass {
    /** How many classes there are. */
    static final int COUNT = 7;

    /** How many slabs of one class make one of the next. */
    static final int FAN_OUT = 4;

    /** Bytes of the smallest class. */
    static final int MIN_BYTES = 1024;

    /** Bytes of the largest class; what is longer is allocated on its own. */
    static final int MAX_BYTES = MIN_BYTES << (2 * (COUNT - 1));

    private SizeClass() {}

    static int bytes(int sizeClass) {
        return MIN_BYTES << (2 * sizeClass);
    }

    /** The smallest class that holds so many bytes; {@link #COUNT} if none does. */
    static int holding(long bytes) {
        int sizeClass = 0;
        while (sizeClass < COUNT && bytes(sizeClass) < bytes) {
            sizeClass++;
        }
        return sizeClass;
    }

    /**
     * Whether so many bytes are better allocated on their own, because more than an eighth of a
     * slab of the largest class would be wasted on them: a MiB and a little framing would take
     * four.
     */
    static boolean isWastedOn(int sizeClass, int length) {
        return sizeClass == COUNT - 1 && length <= MAX_BYTES - MAX_BYTES / 8;
    }

    /** The largest class of at most so many bytes; the smallest if there is none. */
    static int within(long bytes) {
        int sizeClass = COUNT - 1;
        while (sizeClass > 0 && bytes(sizeClass) > bytes) {
            sizeClass--;
        }
        return sizeClass;
    }
}
