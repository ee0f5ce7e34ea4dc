package io.headrace.server.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.headrace.engine.SourceFindings.Finding;
import io.headrace.engine.SourceFindings.Kind;
import io.headrace.server.admin.FindingsJson;
import io.headrace.server.admin.Json;
import io.headrace.server.admin.StatusJson;
import io.headrace.server.show.Printable;
import io.headrace.server.show.SourceText;
import io.headrace.server.show.Table;
import io.headrace.server.show.Units;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Locale;

/** Prints the status of sources. */
final class SourceReport {
    private final SourceCalls calls;
    private final PrintWriter out;
    private final boolean isJson;

    SourceReport(SourceCalls calls, PrintWriter out, boolean isJson) {
        this.calls = calls;
        this.out = out;
        this.isJson = isJson;
    }

    /** A line for each source; page by page, since there may be many. */
    void all() throws IOException, InterruptedException {
        String after = "";
        boolean isAny = false;
        do {
            JsonNode page = calls.list(after);
            isAny |= !page.path("sources").isEmpty();
            print(page);
            after = page.path("next").asText();
        } while (!after.isEmpty());
        if (!isAny && !isJson) {
            out.println("no sources: headrace source create NAME --uri URI makes one");
        }
    }

    private void print(JsonNode page) {
        if (isJson) {
            page.path("sources").forEach(source -> out.print(Json.text(source)));
            return;
        }
        Table table = new Table("lrrrll", "topic", "objects", "bytes", "records", "index", "uri");
        page.path("sources").forEach(source -> SourceText.row(source, table));
        if (!table.isEmpty()) {
            table.print(out);
        }
    }

    /** All about one source. */
    void one(String name) throws IOException, InterruptedException {
        print(calls.statusJson(name), out);
    }

    private void print(JsonNode json, PrintWriter to) {
        if (isJson) {
            to.print(Json.text(json));
        } else {
            SourceText.print(
                    StatusJson.read(json),
                    json.path("uri").asText(),
                    json.path("format").asText(),
                    to);
        }
    }

    /** The same again and again, until nothing will change any more. */
    void watch(String name) throws IOException, InterruptedException {
        Live live = Live.on(out);
        while (true) {
            JsonNode json = calls.statusJson(name);
            boolean isListing = json.path("listing").asText().equals("running");
            if (json.path("complete").asBoolean() && !isListing) {
                live.lastPage(to -> print(json, to));
                return;
            }
            live.page(to -> print(json, to));
            SourceCalls.pause();
        }
    }

    /** What was left out or is wrong, one a line. */
    void findings(String name) throws IOException, InterruptedException {
        for (Kind kind : Kind.values()) {
            String after = "";
            do {
                JsonNode page = calls.findings(name, kind, after);
                printFindings(page);
                after = page.path("next").asText();
            } while (!after.isEmpty());
        }
    }

    private void printFindings(JsonNode page) {
        if (isJson) {
            page.path("findings").forEach(finding -> out.print(Json.text(finding)));
            return;
        }
        Table table = new Table("lrrll", "finding", "partition", "byte", "object", "reason");
        FindingsJson.read(page).findings().forEach(finding -> row(finding, table));
        if (!table.isEmpty()) {
            out.println();
            table.print(out);
        }
    }

    private static void row(Finding finding, Table table) {
        table.row(
                finding.kind().name().toLowerCase(Locale.ROOT).replace('_', ' '),
                finding.partition() < 0 ? "" : Integer.toString(finding.partition()),
                Units.count(finding.position()),
                Printable.of(finding.key()),
                Printable.of(finding.reason()));
    }
}
