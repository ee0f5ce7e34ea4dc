package io.headrace.bench;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A benchmark's command line: options that its usage text names, each with a value. */
public final class Options {
    private final String usage;
    private final Map<String, List<String>> given = new HashMap<>();

    /**
     * @param usage has each option on a line of its own, after two spaces
     * @throws IllegalArgumentException with the usage text, if there is one that it does not name
     */
    public Options(List<String> arguments, String usage) {
        this.usage = usage;
        for (Iterator<String> all = arguments.iterator(); all.hasNext(); ) {
            String name = all.next();
            if (!usage.contains("  " + name + " ") || !all.hasNext()) {
                throw refused("unknown option or no value: option=" + name);
            }
            given.computeIfAbsent(name, key -> new ArrayList<>()).add(all.next());
        }
    }

    private IllegalArgumentException refused(String why) {
        return new IllegalArgumentException(why + "\n" + usage);
    }

    /** The last value. */
    public String text(String name, String defaultValue) {
        List<String> values = all(name);
        return values.isEmpty() ? defaultValue : values.get(values.size() - 1);
    }

    /** All values of an option that may be repeated. */
    public List<String> all(String name) {
        return given.getOrDefault(name, List.of());
    }

    /** All values of an option that may be repeated, each of the form KEY=VALUE. */
    public Map<String, String> pairs(String name) {
        Map<String, String> pairs = new TreeMap<>();
        for (String text : all(name)) {
            int equals = text.indexOf('=');
            if (equals < 1) {
                throw refused("not KEY=VALUE: " + text);
            }
            pairs.put(text.substring(0, equals), text.substring(equals + 1));
        }
        return pairs;
    }

    /** The last value, a number that is at least {@code min}. */
    public int number(String name, int defaultValue, int min) {
        int value = Integer.parseInt(text(name, Integer.toString(defaultValue)));
        if (value < min) {
            throw refused("must be at least " + min + ": " + name + "=" + value);
        }
        return value;
    }
}
