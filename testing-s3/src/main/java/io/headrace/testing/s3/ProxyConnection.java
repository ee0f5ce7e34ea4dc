package io.headrace.testing.s3;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** One client's connection, and the connection to the server that belongs to it. One thread. */
final class ProxyConnection implements Runnable, AutoCloseable {
    private static final int BUFFER_LENGTH = 64 << 10;
    private static final byte[] CONTINUE =
            "HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1);

    private final Socket client;
    private final InetSocketAddress upstreamAddress;
    private final Traffic traffic;
    private final Shape shape;
    private final Faults faults;
    private final SplittableRandom random;
    private final TokenBucket bandwidth = new TokenBucket(System::nanoTime);
    private final byte[] buffer = new byte[BUFFER_LENGTH];
    private volatile @Nullable Upstream upstream;

    ProxyConnection(
            Socket client,
            InetSocketAddress upstreamAddress,
            Traffic traffic,
            Shape shape,
            Faults faults,
            long seed) {
        this.client = client;
        this.upstreamAddress = upstreamAddress;
        this.traffic = traffic;
        this.shape = shape;
        this.faults = faults;
        this.random = new SplittableRandom(seed);
    }

    @Override
    public void run() {
        try (client) {
            InputStream in = new BufferedInputStream(client.getInputStream(), BUFFER_LENGTH);
            OutputStream out = new BufferedOutputStream(client.getOutputStream(), BUFFER_LENGTH);
            HttpHead request;
            while ((request = HttpHead.read(in)) != null && exchange(request, in, out)) {
                out.flush();
            }
            out.flush();
        } catch (IOException gone) {
            // the client or the server has hung up: nobody is left to be told
        } finally {
            dropUpstream();
        }
    }

    /** One request and its answer; false if the connection ends with it. */
    private boolean exchange(HttpHead request, InputStream in, OutputStream out)
            throws IOException {
        S3Call call = S3Call.of(request);
        traffic.begin(call);
        try {
            Fault fault = faults.next(call.operation());
            shape.delay(random);
            if (call.operation() == Operation.GET_OBJECT) {
                shape.awaitRelease(call.key());
            }
            if (fault == Fault.INTERNAL_ERROR || fault == Fault.SLOW_DOWN) {
                return refuse(fault, request, in, out);
            }
            if (fault == Fault.RESET && call.operation() != Operation.GET_OBJECT) {
                traffic.fault(fault);
                return reset();
            }
            HttpHead response = forward(request, in, out);
            return answer(call, request, response, fault, out);
        } finally {
            traffic.end();
        }
    }

    private boolean refuse(Fault fault, HttpHead request, InputStream in, OutputStream out)
            throws IOException {
        traffic.fault(fault);
        skipBody(request, in, out);
        boolean isBusy = fault == Fault.SLOW_DOWN;
        byte[] body =
                ("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>"
                                + (isBusy ? "SlowDown" : "InternalError")
                                + "</Code><Message>injected</Message></Error>")
                        .getBytes(StandardCharsets.UTF_8);
        new HttpHead(isBusy ? "HTTP/1.1 503 Slow Down" : "HTTP/1.1 500 Internal Server Error")
                .with("Content-Type", "application/xml")
                .with("Content-Length", Integer.toString(body.length))
                .write(out);
        if (!request.method().equals("HEAD")) {
            out.write(body);
        }
        return true;
    }

    private void skipBody(HttpHead request, InputStream in, OutputStream out) throws IOException {
        acceptBody(request, out);
        if (request.isChunked()) {
            copyChunks(in, OutputStream.nullOutputStream());
        } else {
            copy(in, OutputStream.nullOutputStream(), Math.max(0, request.contentLength()));
        }
    }

    /** Says that the body may come, if the client waits for that. */
    private static void acceptBody(HttpHead request, OutputStream out) throws IOException {
        if (request.header("Expect") != null) {
            out.write(CONTINUE);
            out.flush();
        }
    }

    /** Sends the request to the server; the head of its answer. */
    private HttpHead forward(HttpHead request, InputStream in, OutputStream out)
            throws IOException {
        boolean hasBody = request.isChunked() || request.contentLength() > 0;
        Upstream server = upstream();
        try {
            return ask(server, request, in, out);
        } catch (IOException stale) {
            if (hasBody || !server.isReused()) {
                throw stale;
            }
        }
        dropUpstream(); // it had closed an idle connection, and saw nothing of this
        return ask(upstream(), request, in, out);
    }

    private HttpHead ask(Upstream server, HttpHead request, InputStream in, OutputStream out)
            throws IOException {
        acceptBody(request, out);
        request.without("Expect").write(server.out);
        if (request.isChunked()) {
            copyChunks(in, server.out);
        } else {
            copy(in, server.out, Math.max(0, request.contentLength()));
        }
        server.out.flush();
        HttpHead response;
        do {
            response = HttpHead.read(server.in);
        } while (response != null && response.status() < 200);
        if (response == null) {
            throw new EOFException("server hung up");
        }
        server.use();
        return response;
    }

    private boolean answer(
            S3Call call, HttpHead request, HttpHead response, Fault fault, OutputStream out)
            throws IOException {
        Upstream server = upstream();
        boolean endsServer = response.endsConnection();
        boolean hasBody =
                !request.method().equals("HEAD")
                        && response.status() != 204
                        && response.status() != 304;
        if (!hasBody) {
            response.write(out);
        } else if (response.isChunked()) {
            response.write(out);
            copyChunks(server.in, out);
        } else if (response.contentLength() < 0) {
            throw new IOException("answer without a length: status=" + response.status());
        } else if (call.operation() == Operation.GET_OBJECT && response.status() / 100 == 2) {
            return sendObject(call.key(), response, server, fault, out) && !endsServer;
        } else {
            response.write(out);
            copy(server.in, out, response.contentLength());
        }
        return !endsServer && !request.endsConnection();
    }

    /** The bytes of an object: counted, slowed down and, if it is to be, broken. */
    private boolean sendObject(
            String key, HttpHead response, Upstream server, Fault fault, OutputStream out)
            throws IOException {
        traffic.fault(fault);
        long length = response.contentLength();
        long sent = fault == Fault.NONE ? length : length / 2;
        if (fault == Fault.SHORT_BODY) {
            response.with("Content-Length", Long.toString(sent));
        }
        response.write(out);
        sendBytes(key, server.in, out, sent);
        out.flush();
        switch (fault) {
            case RESET:
                return reset();
            case STALL:
                awaitHangUp();
                return false;
            case SHORT_BODY:
                dropUpstream(); // with what it still had to say
                return true;
            default:
                return fault == Fault.NONE;
        }
    }

    private void sendBytes(String key, InputStream from, OutputStream to, long length)
            throws IOException {
        long left = length;
        while (left > 0) {
            int read = from.read(buffer, 0, (int) Math.min(left, buffer.length));
            if (read < 0) {
                throw new EOFException("server broke off: missing=" + left);
            }
            shape.send(read, bandwidth);
            to.write(buffer, 0, read);
            traffic.sent(key, read);
            left -= read;
        }
    }

    /** Ends the connection with a reset instead of an orderly end. */
    private boolean reset() throws IOException {
        client.setSoLinger(true, 0);
        client.close();
        return false;
    }

    private void awaitHangUp() throws IOException {
        while (client.getInputStream().read() >= 0) {
            // whatever it still says, there is no answer
        }
    }

    private void copy(InputStream from, OutputStream to, long length) throws IOException {
        long left = length;
        while (left > 0) {
            int read = from.read(buffer, 0, (int) Math.min(left, buffer.length));
            if (read < 0) {
                throw new EOFException("body breaks off: missing=" + left);
            }
            to.write(buffer, 0, read);
            left -= read;
        }
    }

    /** Passes chunks on as they are, with the trailer. */
    private void copyChunks(InputStream from, OutputStream to) throws IOException {
        long length;
        do {
            String size = line(from, to);
            int extension = size.indexOf(';');
            length =
                    Long.parseLong(
                            (extension < 0 ? size : size.substring(0, extension)).trim(), 16);
            copy(from, to, length);
            if (length > 0) {
                line(from, to);
            }
        } while (length > 0);
        while (!line(from, to).isEmpty()) {
            // trailer
        }
    }

    private static String line(InputStream from, OutputStream to) throws IOException {
        String line = HttpHead.someLine(from);
        to.write((line + "\r\n").getBytes(StandardCharsets.ISO_8859_1));
        return line;
    }

    private Upstream upstream() throws IOException {
        Upstream open = upstream;
        if (open == null) {
            open = new Upstream(upstreamAddress);
            upstream = open;
        }
        return open;
    }

    private void dropUpstream() {
        Upstream open = upstream;
        upstream = null;
        if (open != null) {
            open.close();
        }
    }

    /** From another thread: whatever this one waits for ends. */
    @Override
    public void close() {
        try {
            client.close();
        } catch (IOException e) {
            // it is gone in any case
        }
        Upstream open = upstream;
        if (open != null) {
            open.close();
        }
    }

    /** The connection to the server. */
    private static final class Upstream implements AutoCloseable {
        private final Socket socket;
        final InputStream in;
        final OutputStream out;
        private int uses;

        Upstream(InetSocketAddress address) throws IOException {
            socket = new Socket();
            socket.connect(address);
            socket.setTcpNoDelay(true);
            in = new BufferedInputStream(socket.getInputStream(), BUFFER_LENGTH);
            out = new BufferedOutputStream(socket.getOutputStream(), BUFFER_LENGTH);
        }

        void use() {
            uses++;
        }

        boolean isReused() {
            return uses > 0;
        }

        @Override
        public void close() {
            try {
                socket.close();
            } catch (IOException e) {
                // it is gone in any case
            }
        }
    }
}
