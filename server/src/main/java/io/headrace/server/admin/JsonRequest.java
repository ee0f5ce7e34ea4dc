package io.headrace.server.admin;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A request that is answered with JSON.
 *
 * @param method of HTTP
 * @param path what follows the root, by its parts
 * @param query values by name
 * @param body as it came; short
 */
record JsonRequest(String method, List<String> path, Map<String, String> query, byte[] body) {
    static final int BODY_LENGTH_MAX = 64 << 10;

    /**
     * Reads it.
     *
     * @param root of the path, such as {@code /sources}
     * @param bodyLengthMax in bytes
     * @throws RequestException if it is too long or has another root
     */
    static JsonRequest of(HttpExchange exchange, String root, int bodyLengthMax)
            throws IOException {
        String path = exchange.getRequestURI().getPath().substring(root.length());
        if (!path.isEmpty() && !path.startsWith("/")) { // a context answers all that begins with it
            throw new RequestException(RequestException.NOT_FOUND, "no such path");
        }
        byte[] body = exchange.getRequestBody().readNBytes(bodyLengthMax + 1);
        if (body.length > bodyLengthMax) {
            throw new RequestException(
                    RequestException.TOO_LARGE, "body too long: bytesMax=" + bodyLengthMax);
        }
        return new JsonRequest(
                exchange.getRequestMethod(),
                parts(path),
                query(exchange.getRequestURI().getRawQuery()),
                body);
    }

    private static List<String> parts(String path) {
        List<String> parts = new ArrayList<>(List.of(path.split("/")));
        parts.removeIf(String::isEmpty);
        return parts;
    }

    private static Map<String, String> query(String raw) {
        Map<String, String> query = new LinkedHashMap<>();
        if (raw != null) {
            for (String pair : raw.split("&")) {
                int equals = pair.indexOf('=');
                String name = equals < 0 ? pair : pair.substring(0, equals);
                query.put(decoded(name), equals < 0 ? "" : decoded(pair.substring(equals + 1)));
            }
        }
        return query;
    }

    private static String decoded(String text) {
        try {
            return URLDecoder.decode(text, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw new RequestException(RequestException.BAD_REQUEST, "bad query: text=" + text);
        }
    }

    /** The first part of the path; empty if there is none. */
    String name() {
        return path.isEmpty() ? "" : path.get(0);
    }

    /** What follows the name. */
    String action() {
        return path.size() < 2 ? "" : String.join("/", path.subList(1, path.size()));
    }

    /** Refuses what the query holds besides these names: most likely one is misspelt. */
    JsonRequest onlyWith(Set<String> names) {
        for (Map.Entry<String, String> parameter : query.entrySet()) {
            if (!names.contains(parameter.getKey())) {
                throw badValue(parameter.getKey(), parameter.getValue(), "one of " + names);
            }
        }
        return this;
    }

    String text(String name) {
        return query.getOrDefault(name, "");
    }

    /** A number of the query. */
    int number(String name, int defaultValue, int max) {
        String text = query.get(name);
        if (text == null) {
            return defaultValue;
        }
        try {
            int number = Integer.parseInt(text);
            if (number >= 1 && number <= max) {
                return number;
            }
        } catch (NumberFormatException e) {
            // refused below, with the value
        }
        throw badValue(name, text, "1 to " + max);
    }

    /** A number of the query that has to be there, such as an offset. */
    long offset(String name, long min, long max) {
        String text = text(name);
        try {
            long number = Long.parseLong(text);
            if (number >= min && number <= max) {
                return number;
            }
        } catch (NumberFormatException e) {
            // refused below, with the value
        }
        throw badValue(name, text, min + " to " + max);
    }

    /** The body, which has to be a JSON object. */
    JsonNode json() {
        try {
            JsonNode json = Json.parse(body);
            if (json.isObject()) {
                return json;
            }
        } catch (IOException e) {
            throw new RequestException(
                    RequestException.BAD_REQUEST, "the body is no JSON: " + e.getMessage());
        }
        throw new RequestException(RequestException.BAD_REQUEST, "the body is no JSON object");
    }

    static RequestException badValue(String name, String value, String allowed) {
        return new RequestException(
                RequestException.BAD_REQUEST,
                "bad value: key=" + name + " value=" + value + " allowed=" + allowed);
    }
}
