package io.headrace.bench.kafkaload;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import org.apache.kafka.common.message.MetadataRequestData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.requests.MetadataRequest;
import org.apache.kafka.common.requests.RequestHeader;

/**
 * Asks for metadata over a plain socket, again and again until there is an answer: a client's own
 * back-off would hide how fast a server starts.
 */
public final class MetadataProbe {
    private static final short VERSION = 12;
    private static final int CORRELATION_ID = 1;
    private static final int ATTEMPT_TIMEOUT_MS = 1000;
    private static final long RETRY_MS = 2;

    private MetadataProbe() {}

    /** Returns at the first answer, or throws at the deadline ({@link System#nanoTime}). */
    public static void await(InetSocketAddress address, ChildProcess server, long deadlineNs)
            throws InterruptedException {
        while (true) {
            try {
                ask(address);
                return;
            } catch (IOException e) {
                if (!server.isAlive() || System.nanoTime() > deadlineNs) {
                    throw server.failure("no metadata: " + e);
                }
                Thread.sleep(RETRY_MS);
            }
        }
    }

    private static void ask(InetSocketAddress address) throws IOException {
        try (Socket socket = new Socket()) {
            socket.connect(address, ATTEMPT_TIMEOUT_MS);
            socket.setSoTimeout(ATTEMPT_TIMEOUT_MS);
            ByteBuffer request = request();
            DataOutputStream out = new DataOutputStream(socket.getOutputStream());
            out.writeInt(request.remaining());
            out.write(request.array(), request.arrayOffset(), request.remaining());
            out.flush();
            DataInputStream in = new DataInputStream(socket.getInputStream());
            byte[] response = in.readNBytes(in.readInt());
            if (ByteBuffer.wrap(response).getInt() != CORRELATION_ID) {
                throw new IOException("not the answer to this request");
            }
        }
    }

    private static ByteBuffer request() {
        RequestHeader header =
                new RequestHeader(ApiKeys.METADATA, VERSION, "probe", CORRELATION_ID);
        return new MetadataRequest(new MetadataRequestData(), VERSION).serializeWithHeader(header);
    }
}
