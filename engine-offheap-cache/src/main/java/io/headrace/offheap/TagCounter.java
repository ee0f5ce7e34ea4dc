package io.headrace.offheap;

/** Bytes in use for one purpose. Guarded by the arena's lock. */
final class TagCounter {
    final String tag;
    long bytes;

    TagCounter(String tag) {
        this.tag = tag;
    }
}
