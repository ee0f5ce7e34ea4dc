package io.headrace.engine.spi;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.channels.FileChannel;

/**
 * Takes from a file channel its habit of closing itself when a thread that uses it is interrupted.
 *
 * <p>Appends run on threads of whoever embeds the engine, where an interrupt is ordinary; the
 * journal's file must outlive it, because the descriptor that was open at the write is the one that
 * learns of its failure. The JDK has this as a public method of an internal class, whose package
 * the engine's JVM flags export anyway.
 */
final class Uninterruptible {
    private static final MethodHandle SET;

    static {
        try {
            Class<?> type = Class.forName("sun.nio.ch.FileChannelImpl");
            SET =
                    MethodHandles.lookup()
                            .findVirtual(
                                    type, "setUninterruptible", MethodType.methodType(void.class))
                            .asType(MethodType.methodType(void.class, FileChannel.class));
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private Uninterruptible() {}

    static void make(FileChannel channel) {
        try {
            SET.invokeExact(channel);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("cannot make a channel uninterruptible", e);
        }
    }
}
