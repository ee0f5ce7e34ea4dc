package io.headrace.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The runbook names every message that an operator may meet, by the words it begins with: up to the
 * first thing that is put in, or the first {@code key=}. Looked for in the source are warnings and
 * errors of the log, standard error, and exceptions of the kinds that the command line prints as
 * they are ({@code Verdict}) or that the admin listener answers with.
 */
class RunbookTest {
    private static final Path RUNBOOK = Path.of("../docs/runbook.md");

    private static final List<String> MODULES =
            List.of(
                    "engine-core",
                    "engine-offheap-cache",
                    "engine-rocks-meta",
                    "engine-object-tier",
                    "shell-kafka",
                    "shell-native-aeron",
                    "server");

    private static final Pattern CALL =
            Pattern.compile(
                    "\\b(?:LOG|LOGGER|log|logger|getLogger\\([^)]*\\))\\s*\\.(?:warn|error)\\("
                            + "|\\bcomplaints(?:\\(\\))?\\s*\\.(?:warn|error)\\("
                            + "|System\\.err\\.print(?:ln|f)?\\("
                            + "|\\bnew (?:Engine|Config|Command|CorruptJournal|JournalFailed"
                            + "|Request|Bookmark|PositionsRefused)Exception\\("
                            + "|\\b(?:fail|corrupt|stall|stopFor)"
                            + "\\((?=\\s*(?:Unavailable\\.[A-Z_]+,\\s*)?\")");

    /** In these the subclass says how its messages begin. */
    private static final Pattern SUPER = Pattern.compile("\\bsuper\\((?=\\s*\")");

    private static final Pattern EXCEPTION = Pattern.compile("\\bextends \\w+Exception\\b");
    private static final Pattern LITERAL = Pattern.compile("\\s*\"((?:[^\"\\\\]|\\\\.)*)\"\\s*");
    private static final Pattern STATUS = Pattern.compile("\\s*[A-Z]\\w+\\.[A-Z_]+,");
    private static final Pattern VARIABLE_PART = Pattern.compile("[{%]|\\b[a-zA-Z.]+=");

    /** What begins with no literal: how it begins in the source, and where its words come from. */
    private static final Map<String, String> WORDS_FROM_ELSEWHERE =
            Map.ofEntries(
                    Map.entry("Complaints: message", "its callers', which are looked at"),
                    Map.entry("ServerProcess: \"{}\", config.warning()", "ServerConfig.warning"),
                    Map.entry("ChronicleJournal: what + \": folder=\"", "fail's callers"),
                    Map.entry("CycleReader: what", "corrupt's callers"),
                    Map.entry("RocksFailure: (isDamage(", "metadata store is damaged, or failed"),
                    Map.entry("SourceLogs: String.valueOf(failed.getMessage())", "its cause"),
                    Map.entry("OffsetsPartition: what", "append refused"),
                    Map.entry("PartitionIndexer: what", "object is not what …, or the store's"),
                    Map.entry("SourceListing: failure", "the store's"),
                    Map.entry("SourceLog: failure.getMessage()", "the store's"),
                    Map.entry("SampleCommand: \"%s partition", "the client's"),
                    Map.entry("AdminOptions: json.path(\"error\")", "the server's"),
                    Map.entry("ClientOptions: describe(e.getCause())", "the Kafka client's"),
                    Map.entry("RecordReader: client.describe(e)", "the Kafka client's"),
                    Map.entry("TopicCommand: e.getMessage()", "the Kafka client's"),
                    Map.entry("LineageTopics: e.getMessage()", "the Kafka client's"),
                    Map.entry("LineageExport: String.valueOf(", "records cannot be read"),
                    Map.entry("LineageCheck: e.getMessage()", "records cannot be read"),
                    Map.entry("Verdict: \"headrace: \"", "the exception's"));

    /** Names that no call in the source begins with, because of the above. */
    private static final Set<String> NAMED_ELSEWHERE =
            Set.of(
                    "keys without effect here",
                    "append refused",
                    "metadata store is damaged",
                    "metadata store failed",
                    "not created",
                    "records cannot be read",
                    "not deleted",
                    "object is not what its format says");

    private final Map<String, Set<String>> sourcesByBeginning = new TreeMap<>();
    private final List<String> withoutBeginning = new ArrayList<>();

    @Test
    void namesEveryMessage() throws IOException {
        readSources();
        assertTrue(sourcesByBeginning.size() > 100, "found only " + sourcesByBeginning.size());
        assertEquals(List.of(), withoutBeginning, "no literal at their beginning");
        String runbook = Files.readString(RUNBOOK);
        Map<String, Set<String>> missing = new TreeMap<>(sourcesByBeginning);
        missing.keySet().removeIf(beginning -> runbook.contains("`" + beginning));
        assertEquals(Map.of(), missing, "not in docs/runbook.md");
    }

    @Test
    void namesNothingThatNobodySays() throws IOException {
        readSources();
        Set<String> stale = new TreeSet<>(named());
        stale.removeIf(
                name ->
                        NAMED_ELSEWHERE.contains(name)
                                || sourcesByBeginning.keySet().stream().anyMatch(name::startsWith));
        assertEquals(Set.of(), stale, "in docs/runbook.md, and not in the source");
    }

    /** What stands between backticks in the first column. */
    private static Set<String> named() throws IOException {
        Set<String> named = new TreeSet<>();
        Pattern code = Pattern.compile("`([^`]+)`");
        for (String line : Files.readAllLines(RUNBOOK)) {
            if (line.startsWith("| `")) {
                Matcher matcher = code.matcher(line.substring(0, line.indexOf(" | ")));
                while (matcher.find()) {
                    named.add(matcher.group(1));
                }
            }
        }
        return named;
    }

    private void readSources() throws IOException {
        for (String module : MODULES) {
            try (Stream<Path> files = Files.walk(Path.of("..", module, "src/main/java"))) {
                for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
                    readSource(file);
                }
            }
        }
    }

    private void readSource(Path file) throws IOException {
        String name = file.getFileName().toString().replace(".java", "");
        String source = Files.readString(file);
        find(CALL, name, source);
        if (EXCEPTION.matcher(source).find()) {
            find(SUPER, name, source);
        }
    }

    private void find(Pattern call, String file, String source) {
        Matcher matcher = call.matcher(source);
        while (matcher.find()) {
            int at = matcher.end();
            Matcher status = STATUS.matcher(source).region(at, source.length());
            if (status.lookingAt()) {
                at = status.end();
            }
            String beginning = beginning(source, at);
            if (!beginning.isEmpty()) {
                sourcesByBeginning.computeIfAbsent(beginning, b -> new TreeSet<>()).add(file);
            } else {
                noteWithout(file + ": " + source.substring(at).stripLeading());
            }
        }
    }

    private void noteWithout(String call) {
        if (WORDS_FROM_ELSEWHERE.keySet().stream().noneMatch(call::startsWith)) {
            withoutBeginning.add(call.lines().findFirst().orElse(call));
        }
    }

    /** The literals that a message begins with, up to the first part that varies. */
    private static String beginning(String source, int from) {
        StringBuilder text = new StringBuilder();
        int at = from;
        Matcher literal = LITERAL.matcher(source);
        while (literal.region(at, source.length()).lookingAt()) {
            text.append(literal.group(1));
            at = literal.end();
            if (source.charAt(at) != '+') {
                break;
            }
            at++;
        }
        String words = VARIABLE_PART.split(text, 2)[0];
        return words.replaceAll("^[ :,;(]+|[ :,;(]+$", "");
    }
}
