package io.headrace.server.cli;

import io.headrace.server.lineage.Manifest;
import io.headrace.server.lineage.Manifest.OffsetRange;
import io.headrace.server.lineage.Manifest.TopicRanges;
import io.headrace.server.lineage.ManifestReader;
import io.headrace.server.show.Printable;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code headrace lineage note|export|verify|replay}. */
@Command(name = "lineage", description = "What a group has read, and the same again.")
public final class LineageCommand implements Runnable {
    private static final String PREFIX = "headrace.view.";

    @Spec private CommandSpec spec;

    /** Which records are read to make a digest of them. */
    enum Digests {
        /** None. */
        NONE,
        /** Those of topics that are no sources: objects are bound to their versions anyway. */
        STORED,
        /** All. */
        ALL
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a verb is missing");
    }

    @Command(description = "Say something of a group's run; export writes it down. Alone: show it.")
    void note(
            @Mixin AdminOptions admin,
            @Parameters(index = "0", paramLabel = "GROUP") String group,
            @Parameters(
                            index = "1..*",
                            arity = "0..*",
                            paramLabel = "KEY=VALUE",
                            description = "KEY= takes a note away.")
                    @Nullable Map<String, String> notes)
            throws IOException, InterruptedException {
        LineageNotes all = new LineageNotes(admin);
        Map<String, String> now = notes == null ? all.of(group) : all.add(group, notes);
        now.forEach((key, text) -> out().println(Printable.of(key) + "=" + Printable.of(text)));
        out().flush();
    }

    @Command(description = "Write down which records a group has read, and what they are made of.")
    void export(
            @Mixin ClientOptions client,
            @Mixin AdminOptions admin,
            @Parameters(paramLabel = "GROUP") String group,
            @Option(
                            names = "--output",
                            required = true,
                            paramLabel = "FILE",
                            description = "Where the manifest is written to.")
                    Path output,
            @Option(
                            names = "--since",
                            paramLabel = "FILE",
                            description =
                                    "An earlier manifest of the group: begin where it ends."
                                            + " Default: the first records that are there.")
                    @Nullable Path since,
            @Option(
                            names = "--note",
                            paramLabel = "KEY=VALUE",
                            description =
                                    "What is to be known of the run, beside the notes on the group;"
                                            + " may be given several times.")
                    @Nullable Map<String, String> notes,
            @Option(
                            names = "--no-notes",
                            description =
                                    "Leave out the notes on the group, which are asked of the"
                                            + " admin listener.")
                    boolean isWithoutNotes,
            @Option(
                            names = "--protect",
                            description =
                                    "Keep the versions that the manifest names from being deleted,"
                                            + " by whatever tool.")
                    boolean isProtecting,
            @Option(
                            names = "--digest",
                            defaultValue = "STORED",
                            paramLabel = "NONE|STORED|ALL",
                            description =
                                    "Which records are read to make a digest of them; STORED: those"
                                            + " of topics that are no sources. Default:"
                                            + " ${DEFAULT-VALUE}.")
                    Digests digests)
            throws IOException, InterruptedException {
        Manifest before = since == null ? null : ManifestReader.read(since);
        LineageExport export = new LineageExport(client, admin, digests);
        Map<String, String> all = new TreeMap<>();
        if (!isWithoutNotes) {
            all.putAll(new LineageNotes(admin).of(group));
        }
        all.putAll(notes == null ? Map.of() : notes);
        Manifest manifest = export.manifest(group, before, all);
        if (isProtecting) {
            // Before it is written: what it names is held from then on.
            new LineageHold(client, out()).during(manifest, () -> export.write(output, manifest));
        } else {
            export.write(output, manifest);
        }
        for (TopicRanges topic : manifest.topics()) {
            if (!topic.isBelow()) {
                topic.ranges().forEach(range -> out().println(text(topic, range)));
            }
        }
        out().println("written: " + output);
        out().flush();
    }

    private static String text(TopicRanges topic, OffsetRange range) {
        return "%s partition %d  offsets %d to %d"
                .formatted(topic.topic(), range.partition(), range.from(), range.to() - 1);
    }

    @Command(description = "Whether what a manifest names is still there, and still the same.")
    void verify(
            @Mixin ClientOptions client,
            @Mixin AdminOptions admin,
            @Parameters(paramLabel = "FILE") Path file,
            @Option(
                            names = "--read",
                            description = "Read all records, also those without a digest.")
                    boolean isRead)
            throws IOException, InterruptedException {
        new LineageCheck(client, admin, isRead).check(file);
        out().println("the same: " + file);
        out().flush();
    }

    @Command(description = "Make a topic that shows the same records again, with their offsets.")
    void replay(
            @Mixin ClientOptions client,
            @Mixin AdminOptions admin,
            @Parameters(paramLabel = "FILE") Path file,
            @Option(
                            names = "--name",
                            required = true,
                            paramLabel = "TOPIC",
                            description = "Name of the topic.")
                    String name,
            @Option(
                            names = "--no-verify",
                            description = "Do not look first whether all is still the same.")
                    boolean isUnverified)
            throws IOException, InterruptedException {
        Manifest manifest =
                isUnverified
                        ? ManifestReader.read(file)
                        : new LineageCheck(client, admin, false).check(file);
        List<String> lines = new ArrayList<>();
        StringBuilder ranges = new StringBuilder();
        for (TopicRanges topic : manifest.topics()) {
            if (topic.isBelow()) {
                continue;
            }
            ranges.append(ranges.isEmpty() ? "" : ";").append(topic.topic()).append('=');
            String comma = "";
            for (OffsetRange range : topic.ranges()) {
                ranges.append(comma).append(range.partition()).append(':');
                ranges.append(range.from()).append('-').append(range.to());
                comma = ",";
                lines.add("  partition " + lines.size() + "  " + text(topic, range));
            }
        }
        NewTopic topic = new NewTopic(name, Optional.of(lines.size()), Optional.empty());
        topic.configs(Map.of(PREFIX + "type", "replay", PREFIX + "ranges", ranges.toString()));
        try (Admin kafka = client.admin()) {
            client.await(kafka.createTopics(List.of(topic)).all());
        }
        out().println("created " + name);
        lines.forEach(out()::println);
        out().flush();
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
