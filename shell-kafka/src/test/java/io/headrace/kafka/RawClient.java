package io.headrace.kafka;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.requests.AbstractResponse;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.common.requests.ResponseHeader;

/** A socket that speaks frames, right and wrong ones. */
final class RawClient implements AutoCloseable {
    private static final int READ_TIMEOUT_MS = 20_000;

    private final Socket socket;
    private final DataOutputStream out;
    private final DataInputStream in;
    private int lastCorrelationId;

    RawClient(int port) throws IOException {
        this(port, 0);
    }

    /**
     * @param receiveBufferLength of the socket, in bytes; 0 for the system's default
     */
    RawClient(int port, int receiveBufferLength) throws IOException {
        socket = new Socket();
        if (receiveBufferLength > 0) {
            socket.setReceiveBufferSize(receiveBufferLength);
        }
        socket.connect(new java.net.InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        socket.setSoTimeout(READ_TIMEOUT_MS);
        out = new DataOutputStream(socket.getOutputStream());
        in = new DataInputStream(socket.getInputStream());
    }

    /** Sends a request; returns its correlation id. */
    int send(ApiMessage body, int version) throws IOException {
        sendFrame(frame(body, version));
        return lastCorrelationId;
    }

    /** A request as it goes into a frame. */
    byte[] frame(ApiMessage body, int version) {
        ApiKeys api = ApiKeys.forId(body.apiKey());
        RequestHeader header = new RequestHeader(api, (short) version, "raw", ++lastCorrelationId);
        ByteBuffer headerBytes =
                MessageUtil.toByteBufferAccessor(header.data(), header.headerVersion()).buffer();
        ByteBuffer bodyBytes = MessageUtil.toByteBufferAccessor(body, (short) version).buffer();
        byte[] frame = new byte[headerBytes.remaining() + bodyBytes.remaining()];
        ByteBuffer.wrap(frame).put(headerBytes).put(bodyBytes);
        return frame;
    }

    void sendFrame(byte[] frame) throws IOException {
        ByteBuffer prefixed = ByteBuffer.allocate(Integer.BYTES + frame.length);
        sendBytes(prefixed.putInt(frame.length).put(frame).array());
    }

    void sendBytes(byte[] bytes) throws IOException {
        out.write(bytes);
        out.flush();
    }

    /** Receives the next frame. */
    ByteBuffer receiveFrame() throws IOException {
        byte[] frame = new byte[in.readInt()];
        in.readFully(frame);
        return ByteBuffer.wrap(frame);
    }

    /** Receives the correlation id of the next frame. */
    int receiveCorrelationId() throws IOException {
        return receiveFrame().getInt();
    }

    /** Receives the response to a request of that API and version. */
    <T extends ApiMessage> T receive(ApiKeys api, int version, Class<T> dataClass)
            throws IOException {
        ByteBuffer frame = receiveFrame();
        ResponseHeader.parse(frame, api.responseHeaderVersion((short) version));
        AbstractResponse response =
                AbstractResponse.parseResponse(api, new ByteBufferAccessor(frame), (short) version);
        return dataClass.cast(response.data());
    }

    /** Sends a request and receives the response. */
    <T extends ApiMessage> T ask(ApiMessage body, int version, Class<T> responseClass)
            throws IOException {
        send(body, version);
        return receive(ApiKeys.forId(body.apiKey()), version, responseClass);
    }

    /** Whether the server has closed the connection; waits for something to happen. */
    boolean isClosedByServer() throws IOException {
        try {
            return in.read() == -1;
        } catch (java.net.SocketException e) {
            return true; // reset, because it had not read everything
        }
    }

    /** Whether nothing comes for a while. */
    boolean isSilentFor(int ms) throws IOException {
        socket.setSoTimeout(ms);
        try {
            in.mark(1);
            return in.read() == Integer.MIN_VALUE;
        } catch (java.net.SocketTimeoutException e) {
            return true;
        } finally {
            socket.setSoTimeout(READ_TIMEOUT_MS);
        }
    }

    /** Whether the server closes the connection within a while, and sends nothing before. */
    boolean isClosedWithin(int ms) throws IOException {
        socket.setSoTimeout(ms);
        try {
            return in.read() == -1;
        } catch (java.net.SocketTimeoutException e) {
            return false;
        } finally {
            socket.setSoTimeout(READ_TIMEOUT_MS);
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
