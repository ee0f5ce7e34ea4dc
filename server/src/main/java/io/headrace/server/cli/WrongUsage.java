package io.headrace.server.cli;

import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * Turns arguments that are not understood into one line that says why. It is the last that is said:
 * only where a verb is missing or unknown those that there are stand before it.
 */
public final class WrongUsage {
    private static final String BOOTSTRAP_SERVER = "--bootstrap-server";
    private static final String ADMIN_SERVER = "--admin-server";

    private WrongUsage() {}

    /** Prints the line; returns the exit code. */
    public static int report(ParameterException thrown, String[] arguments) {
        CommandLine command = thrown.getCommandLine();
        PrintWriter err = command.getErr();
        if (!command.getSubcommands().isEmpty()) {
            command.usage(err);
        }
        err.println("headrace: " + reason(thrown, command) + "; see " + help(command));
        err.flush();
        return ExitCode.USAGE;
    }

    private static String reason(ParameterException thrown, CommandLine command) {
        String message = String.valueOf(thrown.getMessage());
        if (!(thrown instanceof UnmatchedArgumentException unmatched)) {
            return message;
        }
        if (isMistakenForKafka(unmatched, command)) {
            return "no "
                    + BOOTSTRAP_SERVER
                    + " here, it is the admin listener that is asked: "
                    + ADMIN_SERVER
                    + " HOST:PORT";
        }
        List<String> suggestions = unmatched.getSuggestions();
        return suggestions.isEmpty()
                ? message
                : message + ", is it " + String.join(" or ", suggestions) + "?";
    }

    /** As the commands beside it talk to the server's Kafka listener. */
    private static boolean isMistakenForKafka(
            UnmatchedArgumentException unmatched, CommandLine command) {
        return command.getCommandSpec().findOption(ADMIN_SERVER) != null
                && unmatched.getUnmatched().stream()
                        .anyMatch(argument -> argument.startsWith(BOOTSTRAP_SERVER));
    }

    private static String help(CommandLine command) {
        return command.getCommandSpec().qualifiedName() + " --help";
    }
}
