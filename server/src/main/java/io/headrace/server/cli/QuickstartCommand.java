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
        out.println(
                "Now on your own data, text, tars, images, or whatever docs/datasets.md names:");
        out.println();
        out.println("  ./headrace serve --set headrace.store.mine.uri=file:///PATH/TO/DATA/");
        out.println("  ./headrace source check mine://");
        out.println("  ./headrace source create samples --uri mine://");
        out.println("  ./headrace source index samples --wait");
        out.println();
        out.println(
                "and any Kafka consumer reads the topic: kcat -b 127.0.0.1:9092 -t samples -C -e");
        out.flush();
        return 0;
    }
}
