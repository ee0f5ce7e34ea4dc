package io.headrace.server.engine;

import io.headrace.engine.spi.MetadataStore;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A metadata store of which a test learns what is called, before it is. */
final class WatchedStore {
    private WatchedStore() {}

    /**
     * @param watcher gets the name of the thread, and of the method; of a cursor's {@code cursor(P)
     *     method}, P the first byte of its prefix
     */
    static MetadataStore of(MetadataStore store, Consumer<String> watcher) {
        return (MetadataStore) watched(MetadataStore.class, store, "", watcher);
    }

    private static Object watched(
            Class<?> type, Object target, String prefix, Consumer<String> watcher) {
        return Proxy.newProxyInstance(
                type.getClassLoader(),
                new Class<?>[] {type},
                (proxy, method, arguments) -> {
                    watcher.accept(
                            Thread.currentThread().getName() + " " + prefix + method.getName());
                    try {
                        Object result = method.invoke(target, arguments);
                        return result instanceof MetadataStore.Cursor cursor
                                ? watched(
                                        MetadataStore.Cursor.class,
                                        cursor,
                                        "cursor" + of(arguments) + " ",
                                        watcher)
                                : result;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    private static String of(Object @Nullable [] arguments) {
        return arguments != null && arguments[0] instanceof byte[] prefix && prefix.length > 0
                ? "(" + (char) prefix[0] + ")"
                : "";
    }
}
