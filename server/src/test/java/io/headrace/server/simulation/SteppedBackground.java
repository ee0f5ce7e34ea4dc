package io.headrace.server.simulation;

import io.headrace.engine.log.Background;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The engine's background as steps of one thread, taken in an order that a seed chooses. What waits
 * for the background, within a step, has others take their steps meanwhile.
 */
final class SteppedBackground implements Background {
    private static final int EARLY_ONE_IN = 16;
    private static final int RELUCTANT_ONE_IN = 8;
    private static final long PAUSE_NS_MAX = TimeUnit.MILLISECONDS.toNanos(4);
    private static final int LATE_ONE_IN = 4;

    /** Longer than most wait before they try something again. */
    private static final int LATE_MS_MAX = 1500;

    /** More than any wait needs. */
    private static final int WAITING_STEPS_MAX = 20_000;

    private final SimulatedMachine machine;
    private final Random random;
    private final Trace trace;
    private final Runnable clients;

    /** What this one asks pools for may be done late, for now; null if nobody's is. */
    private @Nullable String patient;

    private final List<Role> roles = new ArrayList<>();
    private final List<Role> ready = new ArrayList<>();

    /** Whose turn it is; the innermost, where one waits for others. */
    private @Nullable Role running;

    /** The pool in whose task somebody is who blocks for what he asks of another; null if none. */
    private @Nullable Pool blocked;

    /** One that takes steps; at most one of its own at a time. */
    private abstract static class Role {
        final String name;

        /** It gets its turn seldom: as a thread that the machine has no time for. */
        final boolean isReluctant;

        boolean isRunning;

        Role(String name, boolean isReluctant) {
            this.name = name;
            this.isReluctant = isReluctant;
        }

        abstract boolean isDue();

        /** Whether a step is in order although it is not due. */
        boolean mayBeEarly() {
            return false;
        }

        abstract void run();
    }

    /**
     * @param clients what they do while somebody in the engine waits
     */
    SteppedBackground(SimulatedMachine machine, Random random, Trace trace, Runnable clients) {
        this.machine = machine;
        this.random = random;
        this.trace = trace;
        this.clients = clients;
    }

    @Override
    public long nanoTime() {
        return machine.nanoTime();
    }

    private boolean drawReluctance() {
        return random.nextInt(RELUCTANT_ONE_IN) == 0;
    }

    /**
     * Has some of what a worker asks pools for done late from now on.
     *
     * @param worker its name; null for none any more
     */
    void delay(@Nullable String worker) {
        patient = worker;
    }

    /** Lets one of the roles take a step, or time pass. */
    void step() {
        machine.pass(random.nextInt(200_000));
        ready.clear();
        for (Role role : roles) {
            if (!role.isRunning
                    && (role.isDue() || role.mayBeEarly() && random.nextInt(EARLY_ONE_IN) == 0)) {
                ready.add(role);
            }
        }
        if (ready.isEmpty()) {
            machine.pass((long) (random.nextDouble() * PAUSE_NS_MAX));
            return;
        }
        Role role = ready.get(random.nextInt(ready.size()));
        if (role.isReluctant && random.nextInt(RELUCTANT_ONE_IN) != 0) {
            return;
        }
        run(role);
    }

    /** Lets the roles take turns, at this very time, until none has anything to do. */
    void settle() {
        for (int turns = 0; turns < WAITING_STEPS_MAX; turns++) {
            Role due = null;
            for (Role role : roles) {
                due = !role.isRunning && role.isDue() ? role : due;
            }
            if (due == null) {
                return;
            }
            run(due);
        }
    }

    private void run(Role role) {
        trace.note("step", role.name);
        Role before = running;
        running = role;
        role.isRunning = true;
        try {
            role.run();
        } finally {
            role.isRunning = false;
            running = before;
        }
    }

    @Override
    public void await(CompletableFuture<?> future, long seconds)
            throws InterruptedException, ExecutionException, TimeoutException {
        long endNs = machine.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        for (int steps = 0; !future.isDone(); steps++) {
            if (machine.isDead()) {
                throw new SimulatedCrash("while waiting");
            }
            if (steps > WAITING_STEPS_MAX || machine.nanoTime() > endNs) {
                throw new TimeoutException("steps=" + steps);
            }
            if (random.nextInt(8) == 0) {
                clients.run();
            }
            step();
        }
        future.get();
    }

    @Override
    public Worker worker(String name, Work work, Consumer<Throwable> failureHandler) {
        return new WorkerRole(name, work, failureHandler, drawReluctance());
    }

    /** Has the workers take turns until none is due. */
    private void catchUp() {
        for (int turns = 0; turns < WAITING_STEPS_MAX; turns++) {
            machine.pass(random.nextInt(200_000));
            Role due = null;
            for (Role role : roles) {
                due = role instanceof WorkerRole && !role.isRunning && role.isDue() ? role : due;
            }
            if (due == null) {
                return;
            }
            run(due);
        }
    }

    private final class WorkerRole extends Role implements Worker {
        private final Work work;
        private final Consumer<Throwable> failureHandler;

        WorkerRole(
                String name, Work work, Consumer<Throwable> failureHandler, boolean isReluctant) {
            super(name, isReluctant);
            this.work = work;
            this.failureHandler = failureHandler;
        }

        @Override
        boolean isDue() {
            return work.isDue();
        }

        @Override
        boolean mayBeEarly() {
            return true;
        }

        @Override
        void run() {
            guarded(work::turn);
        }

        private void guarded(Runnable step) {
            try {
                step.run();
            } catch (RuntimeException | Error e) {
                roles.remove(this);
                failureHandler.accept(e);
            }
        }

        @Override
        public void start() {
            roles.add(this);
        }

        @Override
        public void close() {
            if (roles.contains(this)) {
                trace.note("ends", name);
                guarded(work::end);
                roles.remove(this);
            }
        }
    }

    @Override
    public ScheduledExecutorService schedule(String name) {
        return new Schedule(name, drawReluctance());
    }

    @Override
    public ScheduledExecutorService dispatcher(String name) {
        return new Schedule(name, drawReluctance());
    }

    /** A task for later; of those that are due at the same time the first that was asked for. */
    private record Delayed(long dueNs, long number, Runnable task) implements Comparable<Delayed> {
        @Override
        public int compareTo(Delayed other) {
            int byTime = Long.compare(dueNs, other.dueNs);
            return byTime != 0 ? byTime : Long.compare(number, other.number);
        }
    }

    /** One thread's worth of tasks. */
    private final class Schedule extends AbstractExecutorService
            implements ScheduledExecutorService {
        private final Deque<Runnable> tasks = new ArrayDeque<>();
        private final PriorityQueue<Delayed> delayed = new PriorityQueue<>();
        private final Role role;
        private Runnable repeated = () -> {};
        private long periodNs;
        private long dueNs = Long.MAX_VALUE;
        private long delayedCount;
        private boolean isShutdown;

        Schedule(String name, boolean isReluctant) {
            role =
                    new Role(name, isReluctant) {
                        @Override
                        boolean isDue() {
                            return !tasks.isEmpty()
                                    || machine.nanoTime() >= dueNs
                                    || isDelayedDue();
                        }

                        @Override
                        void run() {
                            runNext();
                        }
                    };
            roles.add(role);
        }

        private boolean isDelayedDue() {
            Delayed next = delayed.peek();
            return next != null && machine.nanoTime() >= next.dueNs;
        }

        private void runNext() {
            if (!tasks.isEmpty()) {
                tasks.remove().run();
                return;
            }
            if (isDelayedDue()) {
                delayed.remove().task.run();
                return;
            }
            try {
                repeated.run();
            } finally {
                if (!isShutdown) {
                    dueNs = machine.nanoTime() + periodNs;
                }
            }
        }

        @Override
        public void execute(Runnable task) {
            if (isShutdown) {
                throw new RejectedExecutionException();
            }
            tasks.add(task);
        }

        @Override
        public ScheduledFuture<?> scheduleWithFixedDelay(
                Runnable task, long initialDelay, long delay, TimeUnit unit) {
            repeated = task;
            periodNs = unit.toNanos(delay);
            dueNs = machine.nanoTime() + unit.toNanos(initialDelay);
            return null;
        }

        @Override
        public void shutdown() {
            isShutdown = true;
            dueNs = Long.MAX_VALUE;
            delayed.clear();
        }

        @Override
        public List<Runnable> shutdownNow() {
            shutdown();
            List<Runnable> left = new ArrayList<>(tasks);
            tasks.clear();
            return left;
        }

        @Override
        public boolean isShutdown() {
            return isShutdown;
        }

        @Override
        public boolean isTerminated() {
            return isShutdown && tasks.isEmpty() && !role.isRunning;
        }

        @Override
        public boolean awaitTermination(long timeout, TimeUnit unit) {
            while (!tasks.isEmpty()) {
                SteppedBackground.this.run(role);
            }
            roles.remove(role);
            return true;
        }

        @Override
        public ScheduledFuture<?> schedule(Runnable task, long delay, TimeUnit unit) {
            if (isShutdown) {
                throw new RejectedExecutionException();
            }
            long due = machine.nanoTime() + unit.toNanos(delay);
            delayed.add(new Delayed(due, delayedCount++, task));
            return null;
        }

        @Override
        public <V> ScheduledFuture<V> schedule(Callable<V> task, long delay, TimeUnit unit) {
            throw new UnsupportedOperationException();
        }

        @Override
        public ScheduledFuture<?> scheduleAtFixedRate(
                Runnable task, long initialDelay, long period, TimeUnit unit) {
            throw new UnsupportedOperationException();
        }
    }

    @Override
    public ThreadPoolExecutor pool(String name, int threadCount, int queueLength) {
        return new Pool(name, queueLength, drawReluctance());
    }

    /** What is done late. */
    private record Late(Runnable task, long dueNs) implements Runnable {
        @Override
        public void run() {
            task.run();
        }
    }

    /** A pool without a thread: its queue is a role's. */
    private final class Pool extends ThreadPoolExecutor {
        private final Role role;
        private boolean isShutdown;

        Pool(String name, int queueLength, boolean isReluctant) {
            super(0, 1, 1, TimeUnit.SECONDS, new ArrayBlockingQueue<>(queueLength));
            role =
                    new Role(name, isReluctant) {
                        @Override
                        boolean isDue() {
                            return next() != null;
                        }

                        @Override
                        void run() {
                            runNext();
                        }
                    };
            roles.add(role);
        }

        /** The first that is due; at the end, all are. */
        private @Nullable Runnable next() {
            for (Runnable task : getQueue()) {
                boolean isLate = task instanceof Late late && machine.nanoTime() < late.dueNs;
                if (!isLate || isShutdown) {
                    return task;
                }
            }
            return null;
        }

        private void runNext() {
            Runnable task = next();
            if (task == null) {
                return;
            }
            getQueue().remove(task);
            Pool before = blocked;
            blocked = this;
            try {
                task.run();
            } finally {
                blocked = before;
            }
        }

        /**
         * Where a task of one pool asks for something of another it blocks for it, and this thread
         * with it: it is done at once, as soon as nothing has to be synced or projected before.
         */
        @Override
        public void execute(Runnable task) {
            if (isShutdown) {
                throw new RejectedExecutionException();
            }
            if (blocked != null && blocked != this) {
                catchUp();
                task.run();
            } else if (!getQueue().offer(isPatient() ? late(task) : task)) {
                throw new RejectedExecutionException();
            }
        }

        private boolean isPatient() {
            return running != null
                    && running.name.equals(patient)
                    && random.nextInt(LATE_ONE_IN) == 0;
        }

        private Runnable late(Runnable task) {
            long ms = random.nextInt(LATE_MS_MAX);
            trace.note("late by", ms);
            return new Late(task, machine.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ms));
        }

        @Override
        public void shutdown() {
            isShutdown = true;
        }

        @Override
        public boolean awaitTermination(long timeout, TimeUnit unit) {
            while (!getQueue().isEmpty()) {
                SteppedBackground.this.run(role);
            }
            roles.remove(role);
            return true;
        }
    }
}
