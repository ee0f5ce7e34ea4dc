package io.headrace.server.simulation;

import io.headrace.engine.journal.CycleDocuments;
import io.headrace.engine.spi.Disk;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.file.Path;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Documents as Chronicle lays them out: 4 bytes of header at each multiple of 4, documents of its
 * own between, the end of a cycle written before the first document of the next is begun; stored
 * through a mapping, of which the disk knows nothing until it is forced.
 */
final class SimulatedDocuments implements CycleDocuments {
    private static final int HEADER = Integer.BYTES;
    private static final int END_OF_CYCLE = 0xC000_0000;
    private static final int METADATA = 0x4000_0000;
    private static final int INCOMPLETE = 0x8000_0000;
    private static final int OWN_LENGTH = 60;

    private final SimulatedMachine machine;
    private final Path folder;
    private final UnsafeBuffer file = new UnsafeBuffer(0, 0);
    private SimulatedPath path;
    private int cycle;
    private int openCycle = -1;
    private int end;

    private SimulatedDocuments(SimulatedMachine machine, Path folder) {
        this.machine = machine;
        this.folder = folder;
        this.path = (SimulatedPath) folder;
    }

    /**
     * @param cycleBytes that entries may take of a file, so that cycles are many
     */
    static Factory on(SimulatedMachine machine, long cycleBytes) {
        return new Factory() {
            @Override
            public CycleDocuments open(Path folder, int firstCycle, long fileBytes, Disk disk) {
                return new SimulatedDocuments(machine, folder);
            }

            @Override
            public long cycleBytes(long asked) {
                return cycleBytes;
            }
        };
    }

    @Override
    public void cycle(int number) {
        cycle = number;
    }

    @Override
    public long begin() throws IOException {
        if (openCycle != cycle) {
            roll();
        }
        if (end > machine.cycleFileBytes() / 2) {
            throw new IllegalStateException("the file is too short for the entries: " + path);
        }
        putHeader(end, INCOMPLETE);
        return end + HEADER;
    }

    private void roll() throws IOException {
        if (openCycle >= 0) {
            putHeader(end, END_OF_CYCLE);
            openCycle = -1;
            machine.store(path, end);
        }
        path = (SimulatedPath) folder.resolve(String.format("%08d.cq4", cycle));
        if (machine.find(path) != null) {
            machine.delete((Path) path);
        }
        long address = machine.createMapped(path, machine.cycleFileBytes());
        file.wrap(address, machine.cycleFileBytes());
        putHeader(0, METADATA | OWN_LENGTH);
        for (int at = HEADER; at < HEADER + OWN_LENGTH; at++) {
            file.putByte(at, (byte) at);
        }
        end = HEADER + OWN_LENGTH;
        openCycle = cycle;
        machine.store(path, 0);
    }

    private void putHeader(int at, int header) {
        file.putInt(at, header, ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public long address(long offset) {
        return file.addressOffset() + offset;
    }

    @Override
    public void end(int length) {
        machine.store(path, end);
        putHeader(end, length);
        end = (end + HEADER + length + 3) & ~3;
    }

    @Override
    public void takeBack() {
        putHeader(end, 0);
    }

    @Override
    public void close() {}
}
