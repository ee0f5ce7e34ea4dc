package io.headrace.server.cli;

import io.headrace.server.quickstart.Quickstart;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code headrace quickstart}: three epochs over a real dataset, and what to try next. */
@Command(
        name = "quickstart",
        description = "Read a real dataset through a topic with a stock Kafka consumer.")
public final class QuickstartCommand implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        try (Quickstart quickstart = new Quickstart(out)) {
            quickstart.run();
        }
        out.println();
        out.println("Now on your own data, a folder of text files with one sample a line:");
        out.println();
        out.println("  ./headrace serve --set headrace.store.mine.uri=file:///PATH/TO/DATA/");
        out.println("  ./headrace topic create mine --config headrace.storage.mode=source \\");
        out.println("      --config headrace.source.uri=file:///PATH/TO/DATA/ \\");
        out.println("      --config headrace.source.format=lines");
        out.println();
        out.println("and any Kafka consumer reads the topic: kcat -b 127.0.0.1:9092 -t mine -C -e");
        out.flush();
        return 0;
    }
}
