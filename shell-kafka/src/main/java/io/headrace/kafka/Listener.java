package io.headrace.kafka;

import io.headrace.engine.Experimental;

/**
 * Where clients connect, and where they are told to.
 *
 * @param name as in {@code listeners=NAME://host:port}
 * @param host to bind; empty for every interface
 * @param port to bind; 0 for any free one
 * @param advertisedHost in Metadata; empty for the address that the client used
 * @param advertisedPort in Metadata; 0 for the port that was bound
 */
@Experimental
public record Listener(
        String name, String host, int port, String advertisedHost, int advertisedPort) {

    /** Plaintext, advertised as it is bound. */
    public static Listener of(String host, int port) {
        return new Listener("PLAINTEXT", host, port, "", 0);
    }
}
