package io.headrace.kafka.group;

import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/**
 * A group's regular expression over topic names, and the literal prefix that every match has.
 *
 * @param literalPrefix may be empty
 * @param pattern in RE2 syntax, as Kafka's coordinator takes it
 */
record TopicPattern(String literalPrefix, Pattern pattern) {
    private static final String META_CHARACTERS = "\\^$.|?*+()[]{}";
    private static final String QUANTIFIERS = "?*{";

    /** The pattern, or null if it is not one; the coordinator then tells the client. */
    static @Nullable TopicPattern of(String regex) {
        try {
            return new TopicPattern(literalPrefixOf(regex), Pattern.compile(regex));
        } catch (PatternSyntaxException e) {
            return null;
        }
    }

    /** Whether it matches the whole name. */
    boolean matches(String topicName) {
        return topicName.startsWith(literalPrefix) && pattern.matches(topicName);
    }

    /**
     * The literal characters that a regex begins with. Errs toward too short, which only makes the
     * scan longer.
     */
    static String literalPrefixOf(String regex) {
        if (regex.indexOf('|') >= 0) {
            return ""; // its other branch may begin with anything
        }
        StringBuilder prefix = new StringBuilder();
        int i = regex.startsWith("^") ? 1 : 0;
        while (i < regex.length()) {
            char c = regex.charAt(i);
            boolean escaped = c == '\\' && i + 1 < regex.length() && isPunctuation(regex, i + 1);
            int next = i + (escaped ? 2 : 1);
            if (!escaped && META_CHARACTERS.indexOf(c) >= 0) {
                break;
            }
            if (next < regex.length() && QUANTIFIERS.indexOf(regex.charAt(next)) >= 0) {
                break; // the character may be absent
            }
            prefix.append(escaped ? regex.charAt(i + 1) : c);
            i = next;
        }
        return prefix.toString();
    }

    /** An escaped letter or digit is a class or an assertion; anything else stands for itself. */
    private static boolean isPunctuation(String regex, int index) {
        return !Character.isLetterOrDigit(regex.charAt(index));
    }
}
