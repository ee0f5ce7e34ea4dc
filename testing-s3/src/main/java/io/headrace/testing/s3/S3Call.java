package io.headrace.testing.s3;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;

/**
 * The S3 meaning of an HTTP request to a server that has buckets in the path.
 *
 * @param operation what is asked
 * @param key of the object, decoded; empty if none is named
 */
record S3Call(Operation operation, String key) {

    static S3Call of(HttpHead request) {
        String key = key(request.path());
        return new S3Call(operation(request.method(), key), key);
    }

    private static Operation operation(String method, String key) {
        return switch (method) {
            case "GET" -> key.isEmpty() ? Operation.LIST : Operation.GET_OBJECT;
            case "HEAD" -> Operation.HEAD;
            case "PUT" -> Operation.PUT;
            case "DELETE" -> Operation.DELETE;
            default -> Operation.POST;
        };
    }

    /** What stands behind {@code /bucket/}. */
    private static String key(String path) {
        int slash = path.indexOf('/', 1);
        // a plus is a plus in a path, and a space only in a query
        return slash < 0
                ? ""
                : URLDecoder.decode(
                        path.substring(slash + 1).replace("+", "%2B"), StandardCharsets.UTF_8);
    }
}
