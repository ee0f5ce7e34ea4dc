package io.headrace.engine.log;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The looks through the catalog that are under way, one for each union at most, a page each in
 * turn. What asks for one that is under way already gets another pass behind it: none begins anew
 * before it was at the end, so that each gets to the last names however often one is asked for.
 *
 * <p>Used by the thread that copies.
 */
final class UnionScans {
    private final Function<Union, UnionScan> scanner;

    /** As many as there are unions, at most. */
    private final Deque<Pass> passes = new ArrayDeque<>();

    private static final class Pass {
        UnionScan scan;
        boolean isBegun;
        boolean again;
        long notBeforeNs;
        boolean isHeld;

        Pass(UnionScan scan) {
            this.scan = scan;
        }

        long untilDueNs(long nowNs) {
            return isHeld ? Math.max(0, notBeforeNs - nowNs) : 0;
        }
    }

    /**
     * @param scanner begins a look through the catalog
     */
    UnionScans(Function<Union, UnionScan> scanner) {
        this.scanner = scanner;
    }

    /** Looks through all that the union is over, from now on. */
    void request(Union union) {
        passOf(union);
    }

    /** As {@link #request}, but not before a time, and goes on with none of it before. */
    void requestLater(Union union, long notBeforeNs) {
        Pass pass = passOf(union);
        pass.isHeld = true;
        pass.notBeforeNs = notBeforeNs;
    }

    private Pass passOf(Union union) {
        for (Pass pass : passes) {
            if (pass.scan.union().id() == union.id()) {
                pass.again |= pass.isBegun;
                return pass;
            }
        }
        Pass pass = new Pass(scanner.apply(union));
        passes.add(pass);
        return pass;
    }

    boolean isEmpty() {
        return passes.isEmpty();
    }

    boolean isDue(long nowNs) {
        return untilDueNs(nowNs) == 0;
    }

    /** How long until one is due; {@link Long#MAX_VALUE} if there is none. */
    long untilDueNs(long nowNs) {
        long untilNs = Long.MAX_VALUE;
        for (Pass pass : passes) {
            untilNs = Math.min(untilNs, pass.untilDueNs(nowNs));
        }
        return untilNs;
    }

    /** Looks at a page of the one whose turn it is. */
    void next(long nowNs, UnionScan.Consumer consumer) {
        Pass pass = takeDue(nowNs);
        if (pass == null) {
            return;
        }
        pass.isHeld = false;
        pass.isBegun = true;
        pass.scan.next(consumer);
        if (!pass.scan.isDone()) {
            passes.add(pass);
        } else if (pass.again) {
            passes.add(new Pass(scanner.apply(pass.scan.union())));
        }
    }

    private @Nullable Pass takeDue(long nowNs) {
        for (Iterator<Pass> each = passes.iterator(); each.hasNext(); ) {
            Pass pass = each.next();
            if (pass.untilDueNs(nowNs) == 0) {
                each.remove();
                return pass;
            }
        }
        return null;
    }

    void remove(long viewId) {
        passes.removeIf(pass -> pass.scan.union().id() == viewId);
    }
}
