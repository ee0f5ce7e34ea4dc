package io.headrace.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.headrace.server.lineage.Manifest.OffsetRange;
import java.io.IOException;
import java.util.Collections;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/** The objects that a range of a source is made of, page by page. */
final class LineageObjects {
    private final SourceCalls calls;
    private final String topic;
    private final OffsetRange range;
    private final boolean isAsked;
    private Iterator<JsonNode> page = Collections.emptyIterator();
    private long after = -1;
    private boolean isLast;

    /**
     * @param isAsked whether the store is to be asked whether it still has that version of each
     */
    LineageObjects(AdminOptions admin, String topic, OffsetRange range, boolean isAsked) {
        this.isAsked = isAsked;
        this.calls = new SourceCalls(admin);
        this.topic = topic;
        this.range = range;
        this.isLast = range.from() >= range.to();
    }

    /** The next object; null if there is none. */
    @Nullable JsonNode next() throws IOException, InterruptedException {
        while (!page.hasNext()) {
            if (isLast) {
                return null;
            }
            JsonNode found =
                    calls.range(topic, range.partition(), range.from(), range.to(), after, isAsked);
            page = found.path("objects").iterator();
            after = found.path("next").asLong();
            isLast = after < 0;
        }
        return page.next();
    }
}
