package io.headrace.engine.source.cache;

/** A flight that is due, unless somebody could not wait for it. */
final class Departure implements Runnable {
    private final BlockTiers tiers;
    private final PartitionBlocks partition;
    private final Flight flight;

    Departure(BlockTiers tiers, PartitionBlocks partition, Flight flight) {
        this.tiers = tiers;
        this.partition = partition;
        this.flight = flight;
    }

    @Override
    public void run() {
        if (partition.start(flight)) {
            tiers.fly(partition, flight);
        }
    }
}
