package io.headrace.kafka.topic;

import org.apache.kafka.common.internals.Topic;

/** What can be told from a topic's name. */
public final class TopicNames {
    private TopicNames() {}

    /** Holds bookmarks; made with the first one, and by nobody else. */
    public static final String BOOKMARKS = "__headrace_bookmarks";

    /** Whether a topic may have that name. */
    public static boolean isValid(String name) {
        return Topic.isValid(name);
    }

    /** Whether it is the topic of the bookmarks, which no client makes. */
    public static boolean isBookmarks(String name) {
        return BOOKMARKS.equals(name);
    }

    /** Whether it is one of those that the server keeps for itself. */
    public static boolean isInternal(String name) {
        return Topic.isInternal(name) || isBookmarks(name);
    }

    /** The least name that is greater: where a listing goes on. */
    public static String after(String name) {
        return name + '\0';
    }
}
