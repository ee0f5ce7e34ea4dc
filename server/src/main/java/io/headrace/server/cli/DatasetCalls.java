package io.headrace.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a server's admin listener can be asked about datasets. */
final class DatasetCalls {
    private static final int OBJECTS_PER_PAGE = 1000;

    private final AdminOptions admin;
    private String cluster = "";

    DatasetCalls(AdminOptions admin) {
        this.admin = admin;
    }

    /** The versions and aliases of a dataset, in order of the topics' names. */
    List<JsonNode> topics(String dataset) throws IOException, InterruptedException {
        List<JsonNode> all = new ArrayList<>();
        String next = "";
        do {
            JsonNode page = admin.get("/datasets/" + encoded(dataset) + "?after=" + encoded(next));
            page.path("topics").forEach(all::add);
            cluster = page.path("cluster").asText();
            next = page.path("next").asText();
        } while (!next.isEmpty());
        if (all.isEmpty()) {
            throw new CommandException("no such dataset: no version was published: " + dataset);
        }
        return all;
    }

    /** Which server has said so. */
    String cluster() {
        return cluster;
    }

    /** The objects of a source, page by page. */
    Objects objects(String topic) {
        return new Objects(topic);
    }

    /** SHA-256 of a range of an object, which the server reads from the store. */
    String digest(String topic, String key, long from, long length)
            throws IOException, InterruptedException {
        return admin.get(
                        "/sources/"
                                + encoded(topic)
                                + "/digest?key="
                                + encoded(key)
                                + "&from="
                                + from
                                + "&length="
                                + length)
                .path("sha256")
                .asText();
    }

    /** The objects of a source in the order of their keys; holds a page of them. */
    final class Objects {
        private final String topic;
        private final Deque<JsonNode> page = new ArrayDeque<>();
        private String next = "";
        private boolean isLast;

        String topic() {
            return topic;
        }

        private Objects(String topic) {
            this.topic = topic;
        }

        /** Published sources are listed once, so that what is listed to its end stays so. */
        void requireListed() throws IOException, InterruptedException {
            if (!new SourceCalls(admin).status(topic).isListed()) {
                throw new CommandException(
                        "not listed to its end yet, ask again later: "
                                + topic
                                + " (headrace source status "
                                + topic
                                + ")");
            }
        }

        /** The next one, which stays; null behind the last. */
        @Nullable JsonNode peek() throws IOException, InterruptedException {
            while (page.isEmpty() && !isLast) {
                JsonNode found =
                        admin.get(
                                "/sources/"
                                        + encoded(topic)
                                        + "/objects?limit="
                                        + OBJECTS_PER_PAGE
                                        + "&after="
                                        + encoded(next));
                found.path("objects").forEach(page::add);
                next = found.path("next").asText();
                isLast = next.isEmpty();
            }
            return page.peek();
        }

        void remove() {
            page.remove();
        }
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }
}
