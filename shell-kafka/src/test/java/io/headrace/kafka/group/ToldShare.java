package io.headrace.kafka.group;

import io.headrace.engine.Views.Backlog;
import io.headrace.engine.Views.Share;
import io.headrace.engine.Views.Wish;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A share view that notes what it is told, in words. */
final class ToldShare implements Share {
    /** What it was told since the last {@link #takeTold}. */
    private final List<String> told = new ArrayList<>();

    boolean hasPlenty = true;

    List<String> takeTold() {
        List<String> taken = List.copyOf(told);
        told.clear();
        return taken;
    }

    private static String lanes(Wish wish) {
        int[] lanes = new int[wish.laneCount()];
        Arrays.setAll(lanes, wish::lane);
        return Arrays.toString(lanes);
    }

    private static String lanes(int[] lanes, long[] offsets) {
        return Arrays.toString(lanes) + " at " + Arrays.toString(offsets);
    }

    @Override
    public String group() {
        return "g";
    }

    @Override
    public void wish(Wish wish) {
        told.add("wish " + lanes(wish));
    }

    @Override
    public void wishAhead(Wish wish) {
        told.add("ahead " + lanes(wish));
    }

    @Override
    public boolean hasPlenty() {
        return hasPlenty;
    }

    @Override
    public void withdraw(Wish wish) {
        told.add("withdraw " + lanes(wish));
    }

    @Override
    public void committing(int[] lanes, long[] offsets) {
        told.add("committing " + lanes(lanes, offsets));
    }

    @Override
    public void committed(int[] lanes, long[] offsets, int[] owned) {
        told.add("committed " + lanes(lanes, offsets) + " by " + Arrays.toString(owned));
    }

    @Override
    public void committedBefore(int[] lanes, long[] offsets) {
        told.add("before " + lanes.length);
    }

    @Override
    public CompletableFuture<Backlog> backlog() {
        return new CompletableFuture<>();
    }
}
