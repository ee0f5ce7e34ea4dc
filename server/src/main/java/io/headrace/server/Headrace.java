package io.headrace.server;

import io.headrace.server.cli.BackupCommand;
import io.headrace.server.cli.BookmarkCommand;
import io.headrace.server.cli.DatasetCommand;
import io.headrace.server.cli.JournalCommand;
import io.headrace.server.cli.LineageCommand;
import io.headrace.server.cli.QuickstartCommand;
import io.headrace.server.cli.RestoreCommand;
import io.headrace.server.cli.SampleCommand;
import io.headrace.server.cli.ServeCommand;
import io.headrace.server.cli.SourceCommand;
import io.headrace.server.cli.TopicCommand;
import io.headrace.server.cli.Verdict;
import io.headrace.server.cli.ViewCommand;
import io.headrace.server.cli.WrongUsage;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/**
 * {@code main()}: one grammar, noun then verb. Exits with 0, 1 (it failed), 2 (wrong usage) or 3
 * (data is damaged).
 */
@Command(
        name = "headrace",
        scope = ScopeType.INHERIT, // --help and --version at every level
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        description = "Headrace: an off-heap storage engine that speaks the Kafka protocol.",
        subcommands = {
            QuickstartCommand.class,
            ServeCommand.class,
            TopicCommand.class,
            SourceCommand.class,
            SampleCommand.class,
            ViewCommand.class,
            LineageCommand.class,
            BookmarkCommand.class,
            DatasetCommand.class,
            JournalCommand.class,
            BackupCommand.class,
            RestoreCommand.class
        })
public final class Headrace implements Runnable {
    @Spec private CommandSpec spec;

    private Headrace() {}

    /** Runs one command and exits. */
    public static void main(String[] args) {
        if (args.length == 0 || !args[0].equals("serve")) {
            quietenLibraries();
        }
        System.exit(commandLine().execute(args));
    }

    /** All commands. */
    static CommandLine commandLine() {
        return new CommandLine(new Headrace())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setParameterExceptionHandler(WrongUsage::report)
                .setExecutionExceptionHandler(Verdict::report);
    }

    /** A command line tool says what went wrong itself; a client's log would only repeat it. */
    private static void quietenLibraries() {
        System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "off");
        System.setProperty("org.slf4j.simpleLogger.log.io.headrace", "off");
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a command is missing");
    }
}
