package io.headrace.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.headrace.server.admin.Json;
import io.headrace.server.config.Endpoint;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of every command that asks a server's admin listener, and how it is asked. */
final class AdminOptions {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);

    /** Longer than the server's own deadline, whose answer says more. */
    private static final Duration TIMEOUT = Duration.ofSeconds(90);

    private static final int OK = 200;

    @Option(
            names = "--admin-server",
            paramLabel = "HOST:PORT",
            defaultValue = "127.0.0.1:9644",
            description = "The server's admin listener; default: ${DEFAULT-VALUE}.")
    private String adminServer = "";

    private @Nullable HttpClient http;

    /**
     * Asks for what is there.
     *
     * @param path with its query
     */
    JsonNode get(String path) throws IOException, InterruptedException {
        return send(HttpRequest.newBuilder(uri(path)).GET());
    }

    /** Asks for something to be done. */
    JsonNode post(String path, JsonNode body) throws IOException, InterruptedException {
        return send(
                HttpRequest.newBuilder(uri(path))
                        .header("X-Headrace", "1")
                        .POST(BodyPublishers.ofString(Json.text(body))));
    }

    private JsonNode send(HttpRequest.Builder request) throws IOException, InterruptedException {
        HttpResponse<byte[]> response;
        try {
            response = http().send(request.timeout(TIMEOUT).build(), BodyHandlers.ofByteArray());
        } catch (HttpTimeoutException e) {
            throw new CommandException("no answer in time from the admin server: " + adminServer);
        } catch (IOException e) {
            throw new CommandException(
                    "no admin server at "
                            + adminServer
                            + ": is the server running, and is this its"
                            + " headrace.admin.listener? (--admin-server)");
        }
        JsonNode json = json(response);
        if (response.statusCode() != OK) {
            throw new CommandException(json.path("error").asText("HTTP " + response.statusCode()));
        }
        return json;
    }

    private JsonNode json(HttpResponse<byte[]> response) {
        try {
            return Json.parse(response.body());
        } catch (IOException e) {
            throw new CommandException(
                    "no JSON from "
                            + adminServer
                            + ": is that a Headrace server? HTTP "
                            + response.statusCode());
        }
    }

    private HttpClient http() {
        HttpClient client = http;
        if (client == null) {
            client = HttpClient.newBuilder().connectTimeout(CONNECT_TIMEOUT).build();
            http = client;
        }
        return client;
    }

    /** By address: the server answers to names only if it was told them. */
    private URI uri(String path) {
        Endpoint endpoint = endpoint();
        try {
            String address = InetAddress.getByName(endpoint.host()).getHostAddress();
            boolean isIpv6 = address.contains(":");
            return URI.create(
                    "http://"
                            + (isIpv6 ? "[" + address + "]" : address)
                            + ":"
                            + endpoint.port()
                            + path);
        } catch (UnknownHostException e) {
            throw new CommandException("unknown host: --admin-server " + adminServer);
        }
    }

    private Endpoint endpoint() {
        try {
            return Endpoint.of(adminServer);
        } catch (IllegalArgumentException e) {
            throw new CommandException("not HOST:PORT: --admin-server " + adminServer);
        }
    }
}
