package io.headrace.server.simulation;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What happened in a run, step by step: a hash of it always, the words where somebody listens. */
final class Trace {
    private final @Nullable Consumer<String> listener;
    private long hash;
    private long count;

    Trace(@Nullable Consumer<String> listener) {
        this.listener = listener;
    }

    void note(String what, Object on) {
        count++;
        hash = hash * 31 + what.hashCode();
        hash = hash * 31 + on.toString().hashCode();
        if (listener != null) {
            listener.accept(count + " " + what + " " + on);
        }
    }

    void note(String what, long number) {
        count++;
        hash = hash * 31 + what.hashCode();
        hash = hash * 31 + Long.hashCode(number);
        if (listener != null) {
            listener.accept(count + " " + what + " " + number);
        }
    }

    long hash() {
        return hash;
    }

    long count() {
        return count;
    }
}
