package io.headrace.server.engine;

import io.headrace.engine.segment.SegmentFiles;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.function.Consumer;

/** The real calls that sealing makes to the disk, told before they are made. */
final class WatchedFiles {
    private WatchedFiles() {}

    /**
     * @param watcher gets the name of the method; what it throws, the caller gets
     */
    static SegmentFiles of(Consumer<String> watcher) {
        return (SegmentFiles)
                Proxy.newProxyInstance(
                        SegmentFiles.class.getClassLoader(),
                        new Class<?>[] {SegmentFiles.class},
                        (proxy, method, arguments) -> {
                            watcher.accept(method.getName());
                            try {
                                return method.invoke(SegmentFiles.SYSTEM, arguments);
                            } catch (InvocationTargetException e) {
                                throw e.getCause();
                            }
                        });
    }
}
