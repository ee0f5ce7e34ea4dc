package io.headrace.server.powercut;

import io.headrace.server.RunningServer;
import io.headrace.testing.history.Stop;
import io.headrace.testing.history.ViolationException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.jspecify.annotations.Nullable;

/**
 * Cuts the power of a guest that runs the server, again and again, and checks after each cut that
 * everything that clients had been told is true. {@code tests/powercut/run} starts it; the README
 * there says how a cut is made.
 *
 * <p>Status 0: nothing was lost. 1: a promise was broken, or the server did not start or answer
 * after a cut; the files of the last two cycles are kept. 2: it did not even before the first cut.
 */
final class PowerCuts {
    private static final int GREEN = 0;
    private static final int RED = 1;
    private static final int NO_VERDICT = 2;

    /**
     * After so many cycles, something has been sealed and something compacted, or the load is not
     * what it should be.
     */
    private static final int SEALED_WITHIN = 6;

    private final Path system;
    private final Path work;
    private final int cycles;
    private final long seed;
    private final String kernelArguments;
    private final int port;
    private final Clients clients;
    private final SplittableRandom seeds;
    private final Histories histories;
    private volatile @Nullable Guest guest;
    private int unflushed;
    private int segments;
    private int sectorsLost;

    private PowerCuts(Path system, Path work, int cycles, long seed, String kernelArguments)
            throws IOException {
        this.system = system;
        this.work = work;
        this.cycles = cycles;
        this.seed = seed;
        this.seeds = new SplittableRandom(seed);
        this.kernelArguments = kernelArguments;
        this.port = RunningServer.freePort();
        this.clients = new Clients(port);
        this.histories = new Histories(seed);
    }

    /** Arguments: system folder, empty work folder, cycles, seed, words for the guest's kernel. */
    public static void main(String[] arguments) throws Exception {
        PowerCuts cuts =
                new PowerCuts(
                        Path.of(arguments[0]),
                        Path.of(arguments[1]),
                        Integer.parseInt(arguments[2]),
                        Long.parseLong(arguments[3]),
                        arguments[4]);
        Runtime.getRuntime().addShutdownHook(new Thread(cuts::killGuest));
        int status;
        try (cuts.histories) {
            status = cuts.run();
        }
        System.exit(status);
    }

    private void killGuest() {
        Guest running = guest;
        if (running != null) {
            running.kill();
        }
    }

    private int run() throws Exception {
        CycleFolder.format(folder(0).folder());
        for (int cycle = 0; cycle <= cycles; cycle++) {
            try {
                cycle(cycle);
            } catch (Exception | Error e) {
                report(cycle, e);
                return cycle == 0 ? NO_VERDICT : RED;
            }
            if (cycle > 0) {
                folder(cycle - 1).delete();
            }
        }
        long compacted = histories.keys.goneCount();
        boolean isEnough = segments > 0 && compacted > 0 || cycles < SEALED_WITHIN;
        say(
                "%s: %d cuts, %d writes unflushed, %d sectors of them lost, %d segments, %d records"
                        + " compacted away",
                isEnough ? "GREEN" : "NO VERDICT, nothing was sealed or compacted",
                cycles,
                unflushed,
                sectorsLost,
                segments,
                compacted);
        return isEnough ? GREEN : NO_VERDICT;
    }

    private CycleFolder folder(int cycle) {
        return new CycleFolder(work.resolve("cycle-" + cycle));
    }

    /** Boots, checks, and unless it is the last time loads and cuts. */
    private void cycle(int cycle) throws Exception {
        Random random = new Random(seeds.nextLong());
        Random coin = forked(random);
        long startNs = System.nanoTime();
        folder(cycle).prepare();
        try (Guest booted = Guest.boot(system, folder(cycle), port, kernelArguments)) {
            guest = booted;
            if (cycle == cycles) {
                requireReady(booted.awaitReady(), booted);
                int count = new Check(clients, histories, cycle).run();
                histories.history.verifyAtEnd().orThrow();
                say("after the last cut: %d records checked", count);
                return;
            }
            Plug plug =
                    new Plug(
                            booted, folder(cycle).log(), random, cycle > 0, histories.history::now);
            plug.start();
            int checked = live(booted, plug, cycle, random);
            plug.await();
            histories.history.stopped(Stop.POWER_CUT, plug.toldNs());
            histories.history.verify().orThrow();
            cut(cycle, plug, checked, coin);
        }
        say("  %d s", TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - startNs));
    }

    /** From boot to cut. Returns how many records were checked; −1 if the cut came before. */
    private int live(Guest booted, Plug plug, int cycle, Random random) throws Exception {
        boolean ready = booted.awaitReady();
        AtomicInteger checked = new AtomicInteger(-1);
        if (ready || !plug.isPulled() || booted.hasFailed()) {
            requireReady(ready, booted);
            PoweredClients powered = new PoweredClients(plug);
            powered.run(() -> checked.set(check(cycle, plug)));
            powered.run(
                    new Producing(clients, histories, powered, cycle, forked(random)),
                    new Overwriting(clients, histories, powered, forked(random)),
                    new Consuming(clients, histories, powered, cycle),
                    new Administering(clients, histories, powered, cycle, forked(random)));
        }
        if (booted.hasFailed()) {
            throw new IllegalStateException("the server ended by itself:\n" + booted.lastWords());
        }
        return checked.get();
    }

    private static Random forked(Random random) {
        return new Random(random.nextLong());
    }

    private int check(int cycle, Plug plug) throws Exception {
        try {
            if (cycle == 0) {
                createTopics();
            }
            return new Check(clients, histories, cycle).run();
        } finally {
            // What has been seen has to stay.
            plug.told();
        }
    }

    private static void requireReady(boolean ready, Guest booted) throws IOException {
        if (!ready) {
            throw new IllegalStateException("the server did not start:\n" + booted.lastWords());
        }
    }

    private void createTopics() throws Exception {
        Admin admin = clients.admin();
        try {
            List<NewTopic> topics = Histories.newTopics();
            admin.createTopics(topics).all().get(Clients.PATIENCE_MS, TimeUnit.MILLISECONDS);
            topics.forEach(topic -> histories.topics.created(topic.name()));
        } finally {
            Clients.close(admin);
        }
    }

    private void cut(int cycle, Plug plug, int checked, Random coin) throws Exception {
        DiskAfterCut.Summary summary =
                folder(cycle).cut(folder(cycle + 1), coin, plug.toldPosition());
        unflushed += summary.unflushed();
        sectorsLost += summary.sectorsLost();
        segments += summary.segments();
        say(
                "cut %d, %s: %s; after %d of %d requests, %d unflushed, %d sectors lost; %d records"
                        + " known, %d commits, %d segments, %d compacted away",
                cycle + 1,
                plug,
                checked < 0 ? "no check" : checked + " records checked",
                summary.cutAfter(),
                summary.requests(),
                summary.unflushed(),
                summary.sectorsLost(),
                histories.knownCount(),
                histories.group.answeredCount(),
                summary.segments(),
                histories.keys.goneCount());
    }

    private void report(int cycle, Throwable e) {
        say("%s after cut %d, seed %d: %s", cycle == 0 ? "NO VERDICT" : "RED", cycle, seed, e);
        if (!(e instanceof ViolationException)) {
            e.printStackTrace(System.out);
        }
        say("kept: %s and the one before", folder(cycle).folder());
    }

    private static void say(String format, Object... arguments) {
        System.out.println("powercut: " + String.format(format, arguments));
    }
}
