package io.headrace.server.cli;

import io.headrace.engine.EngineException;
import io.headrace.engine.backup.DamagedBackupException;
import io.headrace.server.bookmark.BookmarkException;
import io.headrace.server.config.ConfigException;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.common.KafkaException;
import picocli.CommandLine;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.ParseResult;

/** Turns what a command threw into one line on standard error and an exit code. */
public final class Verdict {
    private Verdict() {}

    /** What failed for a reason that the user can act upon gets a line; anything else its trace. */
    public static int report(Exception thrown, CommandLine command, ParseResult parsed) {
        Throwable cause = unwrapped(thrown);
        PrintWriter err = command.getErr();
        if (isExpected(cause)) {
            err.println("headrace: " + describe(cause));
        } else {
            cause.printStackTrace(err);
        }
        err.flush();
        return exitCode(cause);
    }

    private static int exitCode(Throwable cause) {
        if (cause instanceof CommandException failed) {
            return failed.exitCode();
        }
        if (cause instanceof DamagedBackupException) {
            return CommandException.DAMAGED;
        }
        return cause instanceof ConfigException ? ExitCode.USAGE : ExitCode.SOFTWARE;
    }

    private static Throwable unwrapped(Throwable thrown) {
        Throwable cause = thrown.getCause();
        boolean isWrapper =
                thrown instanceof ExecutionException || thrown instanceof CompletionException;
        return isWrapper && cause != null ? unwrapped(cause) : thrown;
    }

    private static boolean isExpected(Throwable thrown) {
        return isOurs(thrown) || thrown instanceof KafkaException || thrown instanceof IOException;
    }

    /** What the message of one of ours leaves to its cause is said behind it. */
    private static String describe(Throwable thrown) {
        String message = String.valueOf(thrown.getMessage());
        Throwable cause = thrown.getCause();
        if (!isOurs(thrown)) {
            return thrown.getClass().getSimpleName() + ": " + message;
        }
        return cause == null ? message : message + ": " + describe(cause);
    }

    private static boolean isOurs(Throwable thrown) {
        return thrown instanceof ConfigException
                || thrown instanceof CommandException
                || thrown instanceof BookmarkException
                || thrown instanceof EngineException;
    }
}
