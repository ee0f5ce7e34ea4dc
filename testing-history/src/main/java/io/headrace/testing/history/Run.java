package io.headrace.testing.history;

/**
 * The end of one run of the server: from a time at which it was surely whole, to one at which it
 * surely did nothing any more.
 */
record Run(Stop stop, long sinceNs, long goneNs) {
    @Override
    public String toString() {
        return stop + " between " + Clock.text(sinceNs) + " and " + Clock.text(goneNs);
    }
}
