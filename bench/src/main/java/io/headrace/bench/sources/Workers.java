package io.headrace.bench.sources;

import io.headrace.bench.kafkaload.ChildProcess;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Python processes that read a dataset together, see {@code bench/sources/worker.py}. */
final class Workers {
    private static final String PYTHON = "/usr/bin/python3"; // Debian's has confluent_kafka
    private static final Duration PATIENCE = Duration.ofMinutes(30);

    private final Workbench bench;
    private final int epochs;

    Workers(Workbench bench, int epochs) {
        this.bench = bench;
        this.epochs = epochs;
    }

    /**
     * What they read.
     *
     * @param seconds from the start of the first process to the end of the last
     * @param bytes of all of them
     * @param check of all samples, whatever their order
     */
    record Result(double seconds, long bytes, long check) {}

    /** Runs them with what the script takes behind the number of epochs. */
    Result run(String name, List<String> arguments) throws InterruptedException, IOException {
        long begin = System.nanoTime();
        int count = bench.options.workers();
        List<ChildProcess> processes = new ArrayList<>();
        try {
            for (int i = 0; i < count; i++) {
                processes.add(start(name + "-" + i, i, count, arguments));
            }
            long bytes = 0;
            long check = 0;
            for (ChildProcess process : processes) {
                List<String> output = process.output(PATIENCE);
                String[] words = output.get(output.size() - 1).split(" ");
                bytes += Long.parseLong(words[0]);
                check ^= Long.parseLong(words[1]);
            }
            return new Result((System.nanoTime() - begin) / 1e9, bytes, check);
        } finally {
            processes.forEach(ChildProcess::close);
        }
    }

    private ChildProcess start(String name, int index, int count, List<String> arguments) {
        List<String> command = new ArrayList<>();
        command.add(PYTHON);
        command.add(bench.home.resolve("bench/sources/worker.py").toString());
        command.addAll(
                List.of(
                        Integer.toString(index),
                        Integer.toString(count),
                        Integer.toString(epochs)));
        command.addAll(arguments);
        return ChildProcess.start(name, bench.out.resolve("worker-" + name + ".log"), command);
    }
}
