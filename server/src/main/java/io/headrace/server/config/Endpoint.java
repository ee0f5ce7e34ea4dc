package io.headrace.server.config;

import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * A host and a port, as in {@code PLAINTEXT://127.0.0.1:9092}.
 *
 * @param host name or address; empty means every interface
 * @param port 0 to 65535; 0 lets the system choose
 */
public record Endpoint(String host, int port) {

    /** The address to bind. */
    public InetSocketAddress bindAddress() {
        return host.isEmpty() ? new InetSocketAddress(port) : new InetSocketAddress(host, port);
    }

    /**
     * Parses {@code HOST:PORT}, where an IPv6 host stands in brackets.
     *
     * @throws IllegalArgumentException if it is something else
     */
    public static Endpoint of(String text) {
        int colon = text.lastIndexOf(':');
        if (colon < 0) {
            throw new IllegalArgumentException(text);
        }
        int port = Integer.parseInt(text.substring(colon + 1));
        if (port < 0 || port > 0xFFFF) {
            throw new IllegalArgumentException(text);
        }
        String host = text.substring(0, colon);
        return new Endpoint(isBracketed(host) ? host.substring(1, host.length() - 1) : host, port);
    }

    private static boolean isBracketed(String host) {
        return host.startsWith("[") && host.endsWith("]");
    }

    /** Parses a comma-separated list of {@code PLAINTEXT://HOST:PORT}. */
    static List<Endpoint> listOf(String text) {
        return text.isEmpty()
                ? List.of()
                : Arrays.stream(text.split(",", -1))
                        .map(String::trim)
                        .map(Endpoint::plain)
                        .toList();
    }

    private static Endpoint plain(String text) {
        String scheme = "PLAINTEXT://";
        if (!text.toUpperCase(Locale.ROOT).startsWith(scheme)) {
            throw new IllegalArgumentException(text);
        }
        return of(text.substring(scheme.length()));
    }
}
