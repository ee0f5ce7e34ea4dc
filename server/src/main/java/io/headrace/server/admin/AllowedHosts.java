package io.headrace.server.admin;

import java.util.Collection;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The names by which the admin listener may be addressed. Immutable.
 *
 * <p>A web page may have its own name resolve to a loopback address after it was loaded; a browser
 * then takes our answers for the page's own (DNS rebinding). What such a page cannot do is send
 * another name than its own in the Host header. So addresses are allowed, for they are not
 * resolved, and the names that the configuration knows.
 */
final class AllowedHosts {
    private static final Pattern ADDRESS =
            Pattern.compile("\\[[0-9a-f:.%]+]|\\d{1,3}(\\.\\d{1,3}){3}");

    private final Set<String> names = new TreeSet<>();

    /**
     * @param names besides {@code localhost}
     */
    AllowedHosts(Collection<String> names) {
        this.names.add("localhost");
        names.forEach(name -> this.names.add(name.toLowerCase(Locale.ROOT)));
    }

    /** Whether a request with this Host header is answered. */
    boolean allows(@Nullable String header) {
        if (header == null) {
            return false;
        }
        String host = withoutPort(header.toLowerCase(Locale.ROOT));
        return ADDRESS.matcher(host).matches() || names.contains(host);
    }

    private static String withoutPort(String header) {
        int colon = header.lastIndexOf(':');
        return colon > header.lastIndexOf(']') ? header.substring(0, colon) : header;
    }
}
