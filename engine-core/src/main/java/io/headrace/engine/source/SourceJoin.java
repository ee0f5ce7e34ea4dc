package io.headrace.engine.source;

import io.headrace.engine.InvalidConfigException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Trees of objects that are joined by stem: the key below the tree, up to the first dot of its last
 * segment. What follows that dot names the part, if the tree does not.
 *
 * @param trees the first one's listing gives the samples their order
 * @param required names of the parts without which a sample is none
 */
public record SourceJoin(List<Tree> trees, List<String> required) {
    private static final int TREE_COUNT_MAX = 100;

    /**
     * A tree.
     *
     * @param path below the source's URI, ending in a slash; empty for all of it
     * @param part name of the part that its objects are; empty if their keys say
     */
    public record Tree(String path, String part) {}

    /**
     * Of the two configs; null if there is nothing to join.
     *
     * @throws InvalidConfigException if a tree is not below the source
     */
    static @Nullable SourceJoin of(List<String> trees, List<String> required) {
        if (trees.isEmpty()) {
            return null;
        }
        List<Tree> parsed = new ArrayList<>();
        Set<String> paths = new HashSet<>();
        for (String tree : trees) {
            Tree one = tree(tree);
            if (!paths.add(one.path) || parsed.size() == TREE_COUNT_MAX) {
                throw refused(tree);
            }
            parsed.add(one);
        }
        return new SourceJoin(List.copyOf(parsed), required);
    }

    private static Tree tree(String value) {
        int equals = value.indexOf('=');
        String folder = equals < 0 ? value : value.substring(0, equals);
        String plain = folder.endsWith("/") ? folder.substring(0, folder.length() - 1) : folder;
        if (!SourceSpec.isPlain(plain) && !plain.equals(".")) {
            throw refused(value);
        }
        String path = plain.isEmpty() || plain.equals(".") ? "" : plain + "/";
        return new Tree(path, equals < 0 ? "" : value.substring(equals + 1).trim());
    }

    private static InvalidConfigException refused(String tree) {
        return new InvalidConfigException(
                SourceSpec.JOIN_CONFIG,
                tree,
                "at most " + TREE_COUNT_MAX + " different folders below the URI: FOLDER/[=PART]");
    }

    /** The key up to the first dot of its last segment. */
    static String stem(String key) {
        int dot = key.indexOf('.', key.lastIndexOf('/') + 1);
        return dot < 0 ? key : key.substring(0, dot);
    }

    /** Name of the part that an object of a tree is. */
    static String part(Tree tree, String key) {
        if (!tree.part.isEmpty()) {
            return tree.part;
        }
        int dot = key.indexOf('.', key.lastIndexOf('/') + 1);
        return dot < 0 ? "" : key.substring(dot + 1);
    }
}
