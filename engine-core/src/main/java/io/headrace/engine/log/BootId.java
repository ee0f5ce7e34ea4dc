package io.headrace.engine.log;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;

/** Tells one run of the machine from another. */
final class BootId {
    /** Where Linux has it. */
    static final Path FILE = Path.of("/proc/sys/kernel/random/boot_id");

    private BootId() {}

    /**
     * The id of this boot. Where there is none, one that no boot has: then the machine may have
     * gone down since, as far as anybody can tell.
     */
    static String read(Path file) {
        try {
            String id = Files.readString(file).trim();
            if (!id.isEmpty()) {
                return id;
            }
        } catch (IOException e) {
            // not Linux, or not allowed: answered below
        }
        return UUID.randomUUID().toString();
    }
}
