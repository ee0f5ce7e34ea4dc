package io.headrace.objects.format;

import org.jspecify.annotations.Nullable;

/**
 * A member's path, split at the first dot of its base name.
 *
 * @param stem what samples are grouped by, and their key
 * @param part name of the part
 */
record TarPath(String stem, String part) {
    private static final String META = "__";

    /** Splits a path; null if a member of that name is in no sample. */
    static @Nullable TarPath of(String path) {
        int base = path.lastIndexOf('/') + 1;
        int dot = path.indexOf('.', base);
        if (dot <= base || isMeta(path)) {
            return null;
        }
        return new TarPath(path.substring(0, dot), path.substring(dot + 1));
    }

    /** Whether the path's first name is like {@code __index__}. */
    private static boolean isMeta(String path) {
        int slash = path.indexOf('/');
        int end = slash < 0 ? path.length() : slash;
        return end >= 2 * META.length()
                && path.startsWith(META)
                && path.startsWith(META, end - META.length());
    }
}
