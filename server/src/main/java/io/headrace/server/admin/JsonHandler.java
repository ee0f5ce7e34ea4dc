package io.headrace.server.admin;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import io.headrace.engine.EngineException;
import io.headrace.engine.InvalidConfigException;
import io.headrace.kafka.group.PositionsRefusedException;
import io.headrace.server.bookmark.BookmarkException;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves what is below one path as JSON. A thread of the listener's reads a request and, when the
 * engine has answered, writes that; none waits in between.
 *
 * <p>Nobody has to log in here, so that a web page that a browser on this machine shows must not
 * get through: the Host header has to be an allowed one ({@link AllowedHosts}), and what changes
 * something needs a header that no page can send without asking first, which we do not answer.
 */
final class JsonHandler implements HttpHandler {
    static final String HEADER = "X-Headrace";

    private static final Logger LOGGER = LoggerFactory.getLogger(JsonHandler.class);
    private static final String JSON = "application/json";
    private static final int OK = 200;
    private static final int INTERNAL_ERROR = 500;
    private static final int PENDING_MAX = 32;

    /** Beyond so many a request is refused before it is read, and takes no turn of the talkers. */
    static final int HELD_MAX = 40;

    private final String root;
    private final AllowedHosts hosts;
    private final Executor executor;
    private final int bodyLengthMax;
    private final AtomicInteger pending = new AtomicInteger();
    private volatile @Nullable Routes routes;

    /** What is answered below a path. Thread-safe; does not block. */
    interface Routes {
        /** Milliseconds within which a request has its answer. */
        long deadlineMs(JsonRequest request);

        /**
         * Begins to answer.
         *
         * @throws RequestException if there is no such path or method
         */
        CompletableFuture<ObjectNode> answer(JsonRequest request);
    }

    /**
     * @param root the path
     * @param executor on which callers are waited for
     */
    JsonHandler(String root, AllowedHosts hosts, Executor executor) {
        this(root, hosts, executor, JsonRequest.BODY_LENGTH_MAX);
    }

    /**
     * @param bodyLengthMax of a request, in bytes; so many are held for each that is not answered
     */
    JsonHandler(String root, AllowedHosts hosts, Executor executor, int bodyLengthMax) {
        this.root = root;
        this.hosts = hosts;
        this.executor = executor;
        this.bodyLengthMax = bodyLengthMax;
    }

    /** From now on there is somebody to ask. */
    void serve(Routes served) {
        routes = served;
    }

    @Override
    public void handle(HttpExchange exchange) {
        long arrivedNanos = System.nanoTime();
        if (pending.incrementAndGet() > HELD_MAX) {
            end(exchange, null, tooMany());
            return;
        }
        talk(
                exchange,
                () ->
                        begin(exchange, arrivedNanos)
                                .whenComplete(
                                        (json, failure) ->
                                                talk(
                                                        exchange,
                                                        () -> end(exchange, json, failure))));
    }

    /** Reads from the caller or writes to him, which takes as long as he likes. */
    private void talk(HttpExchange exchange, Runnable talk) {
        try {
            executor.execute(talk);
        } catch (RejectedExecutionException tooMany) {
            pending.decrementAndGet();
            exchange.close();
        }
    }

    private CompletableFuture<ObjectNode> begin(HttpExchange exchange, long arrivedNanos) {
        try {
            checkCaller(exchange);
            JsonRequest request = JsonRequest.of(exchange, root, bodyLengthMax);
            Routes served = routes();
            long leftNanos =
                    TimeUnit.MILLISECONDS.toNanos(served.deadlineMs(request))
                            - (System.nanoTime() - arrivedNanos);
            return leftNanos <= 0
                    ? CompletableFuture.failedFuture(new TimeoutException())
                    : served.answer(request).orTimeout(leftNanos, TimeUnit.NANOSECONDS);
        } catch (IOException | RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private void checkCaller(HttpExchange exchange) {
        String host = exchange.getRequestHeaders().getFirst("Host");
        if (!hosts.allows(host)) {
            throw new RequestException(
                    RequestException.FORBIDDEN,
                    "not addressed by this name: host="
                            + host
                            + " allowed=an IP address, localhost, or a name in"
                            + " headrace.admin.hosts");
        }
        boolean isRead = exchange.getRequestMethod().equals("GET");
        if (!isRead && !exchange.getRequestHeaders().containsKey(HEADER)) {
            throw new RequestException(
                    RequestException.FORBIDDEN, "header missing: name=" + HEADER + " value=1");
        }
    }

    private Routes routes() {
        Routes served = routes;
        if (served == null) {
            throw new RequestException(RequestException.UNAVAILABLE, "not ready: retry");
        }
        if (pending.get() > PENDING_MAX) {
            throw tooMany();
        }
        return served;
    }

    private static RequestException tooMany() {
        return new RequestException(
                RequestException.UNAVAILABLE,
                "too many requests at a time: retry: max=" + PENDING_MAX);
    }

    private void end(
            HttpExchange exchange, @Nullable ObjectNode json, @Nullable Throwable failure) {
        pending.decrementAndGet();
        try (exchange) {
            if (failure != null) {
                fail(exchange, unwrapped(failure));
            } else if (json != null) {
                write(exchange, OK, json);
            }
        } catch (IOException e) {
            LOGGER.debug("the caller is gone: path={}", exchange.getRequestURI(), e);
        }
    }

    /** What was thrown in the first place. */
    static Throwable unwrapped(Throwable failure) {
        Throwable cause = failure.getCause();
        return failure instanceof CompletionException && cause != null ? unwrapped(cause) : failure;
    }

    private static void fail(HttpExchange exchange, Throwable failure) throws IOException {
        int status = status(failure);
        if (status == INTERNAL_ERROR) {
            LOGGER.warn("request failed: path={}", exchange.getRequestURI(), failure);
        }
        write(exchange, status, Json.object().put("error", message(failure)));
    }

    private static int status(Throwable failure) {
        if (failure instanceof RequestException refused) {
            return refused.status();
        }
        if (failure instanceof InvalidConfigException) {
            return RequestException.BAD_REQUEST;
        }
        if (failure instanceof PositionsRefusedException) {
            return RequestException.CONFLICT;
        }
        if (failure instanceof BookmarkException bookmark) {
            return switch (bookmark.reason()) {
                case BAD_VALUE -> RequestException.BAD_REQUEST;
                case ABSENT -> RequestException.NOT_FOUND;
                case REFUSED -> RequestException.CONFLICT;
            };
        }
        boolean isUnavailable =
                failure instanceof EngineException
                        || failure instanceof TimeoutException
                        || failure instanceof RejectedExecutionException;
        return isUnavailable ? RequestException.UNAVAILABLE : INTERNAL_ERROR;
    }

    private static String message(Throwable failure) {
        if (failure instanceof TimeoutException) {
            return "no answer in time, retry: a store or the disk may be slow";
        }
        if (failure instanceof RejectedExecutionException) {
            return "the server is closing";
        }
        return failure instanceof RequestException
                        || failure instanceof EngineException
                        || failure instanceof PositionsRefusedException
                        || failure instanceof BookmarkException
                ? String.valueOf(failure.getMessage())
                : failure.toString();
    }

    private static void write(HttpExchange exchange, int status, ObjectNode json)
            throws IOException {
        AdminListener.answer(exchange, status, JSON, Json.text(json));
    }
}
