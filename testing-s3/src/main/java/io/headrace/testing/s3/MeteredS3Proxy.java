package io.headrace.testing.s3;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Stands between S3 clients and an S3 server on plain HTTP, on a loopback port of its own. It
 * passes requests on as they are (signatures stay valid), counts them in {@link #traffic}, slows
 * them down as {@link #shape} says, and breaks them as {@link #faults} says.
 *
 * <p>A thread per client connection, so that whoever waits holds up nobody else. The caller who
 * launched it owns it.
 */
public final class MeteredS3Proxy implements AutoCloseable {
    private static final int BACKLOG = 512;
    private static final long END_PATIENCE_MS = 10_000;

    private final InetSocketAddress upstream;
    private final ServerSocket listener;
    private final Traffic traffic = new Traffic();
    private final Shape shape = new Shape();
    private final Faults faults = new Faults();
    private final Set<ProxyConnection> connections = ConcurrentHashMap.newKeySet();
    private final Set<Thread> threads = ConcurrentHashMap.newKeySet();
    private final AtomicInteger connectionCount = new AtomicInteger();
    private volatile boolean isClosed;

    private MeteredS3Proxy(InetSocketAddress upstream, ServerSocket listener) {
        this.upstream = upstream;
        this.listener = listener;
    }

    /** Starts on a free port. */
    public static MeteredS3Proxy launch(URI server) throws IOException {
        ServerSocket listener = new ServerSocket(0, BACKLOG, InetAddress.getLoopbackAddress());
        MeteredS3Proxy proxy =
                new MeteredS3Proxy(
                        new InetSocketAddress(server.getHost(), server.getPort()), listener);
        proxy.start("s3-proxy-accept", proxy::accept);
        return proxy;
    }

    private void start(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        threads.add(thread);
        thread.start();
    }

    private void accept() {
        while (!isClosed) {
            try {
                serve(listener.accept());
            } catch (IOException e) {
                if (!isClosed) {
                    throw new UncheckedIOException(e);
                }
            }
        }
        threads.remove(Thread.currentThread());
    }

    private void serve(Socket client) throws IOException {
        client.setTcpNoDelay(true);
        int number = connectionCount.incrementAndGet();
        ProxyConnection connection =
                new ProxyConnection(client, upstream, traffic, shape, faults, number);
        connections.add(connection);
        start(
                "s3-proxy-" + number,
                () -> {
                    try {
                        connection.run();
                    } finally {
                        connections.remove(connection);
                        threads.remove(Thread.currentThread());
                    }
                });
        if (isClosed) {
            connection.close();
        }
    }

    /** Where clients find it. */
    public URI endpoint() {
        return URI.create("http://127.0.0.1:" + listener.getLocalPort());
    }

    /** What crossed the wire. */
    public Traffic traffic() {
        return traffic;
    }

    /** How slow it is. */
    public Shape shape() {
        return shape;
    }

    /** What goes wrong. */
    public Faults faults() {
        return faults;
    }

    /** Connections that clients have opened so far. */
    public int connectionCount() {
        return connectionCount.get();
    }

    /** Ends all connections and waits for their threads. */
    @Override
    public void close() {
        isClosed = true;
        try {
            listener.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        connections.forEach(ProxyConnection::close);
        for (Thread thread : threads) {
            thread.interrupt();
            join(thread);
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join(END_PATIENCE_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
