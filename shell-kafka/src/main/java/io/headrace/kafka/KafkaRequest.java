package io.headrace.kafka;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelId;
import io.netty.util.concurrent.EventExecutor;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.network.ClientInformation;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.AbstractRequest;
import org.apache.kafka.common.requests.AbstractResponse;
import org.apache.kafka.common.requests.RequestContext;
import org.apache.kafka.common.requests.RequestHeader;
import org.jspecify.annotations.Nullable;

/**
 * One request of one connection, from its arrival until its response has left.
 *
 * <p>Answered exactly once, from any thread; responses leave the connection in the order of the
 * requests, whatever the order of the answers.
 */
public final class KafkaRequest {
    private final KafkaConnection connection;
    private final RequestHeader header;
    private final AbstractRequest body;
    private final long heldBytes;
    private final long arrivedNanos;
    private final AtomicBoolean answered = new AtomicBoolean();

    // What follows belongs to the event loop.
    private boolean ready;
    private boolean parked;
    private int responseLength;
    private List<ByteBuf> parts = List.of();
    private @Nullable ApiMessage response;
    private @Nullable Runnable whenReleased;
    private @Nullable Runnable whenAbandoned;
    private @Nullable Runnable whenFirst;
    private @Nullable Runnable whenFollowed;

    KafkaRequest(
            KafkaConnection connection,
            RequestHeader header,
            AbstractRequest body,
            long heldBytes,
            long arrivedNanos) {
        this.connection = connection;
        this.header = header;
        this.body = body;
        this.heldBytes = heldBytes;
        this.arrivedNanos = arrivedNanos;
    }

    /** API key, version, correlation id and client id. */
    public RequestHeader header() {
        return header;
    }

    /** Which API is asked. */
    public ApiKeys api() {
        return header.apiKey();
    }

    /** The version of the API in which the request came and its response goes. */
    public short version() {
        return header.apiVersion();
    }

    /** The request's own class of the wire library, e.g. {@code FetchRequest}. */
    public AbstractRequest body() {
        return body;
    }

    /**
     * The request's data, e.g. {@code FetchRequestData}.
     *
     * @throws ClassCastException if it is of another class
     */
    public <T extends ApiMessage> T data(Class<T> dataClass) {
        return dataClass.cast(body.data());
    }

    /** Who asks: peer address, listener, principal, client's name. Built anew by each call. */
    public RequestContext context() {
        return connection.contextOf(header);
    }

    /** How the client calls itself; empty if it does not say. */
    public String clientId() {
        String clientId = header.clientId();
        return clientId == null ? "" : clientId;
    }

    /** The name of the listener by which the client came. */
    public String listenerName() {
        return connection.listener().name();
    }

    /** Which connection it came by; no other ever has the same. */
    public ChannelId connectionId() {
        return connection.id();
    }

    /** This server, as this client is to address it. */
    public Node broker() {
        return connection.broker();
    }

    /** The event loop of the connection; everything about the connection happens there. */
    public EventExecutor eventLoop() {
        return connection.eventLoop();
    }

    /** {@link System#nanoTime} when the request had been received. */
    public long arrivedNanos() {
        return arrivedNanos;
    }

    /** Whether the connection is gone, so that an answer would reach nobody. */
    public boolean isAbandoned() {
        return connection.isClosed();
    }

    /**
     * Calls something when the connection closes before this request was answered; at once if it is
     * closed already. At most one, set on the event loop; called there. The request has still to be
     * answered by nobody then: its answer is dropped.
     */
    public void onAbandoned(Runnable callback) {
        if (connection.isClosed()) {
            callback.run();
        } else {
            whenAbandoned = callback;
        }
    }

    /**
     * Calls something when the connection has closed, whatever has become of this request; on the
     * event loop only, and called there. Not if it is closed already.
     */
    public void onDisconnected(Runnable callback) {
        connection.onDisconnected(callback);
    }

    /**
     * Says that the answer waits for something that may take long, so that the request is not
     * counted among those in work any more; on the event loop only.
     *
     * @return false if too much waits already; then the answer should not
     */
    public boolean park() {
        if (!parked && !ready) {
            parked = connection.park(this);
        }
        return parked;
    }

    /**
     * Goes on once all that the connection asked before has been answered, as Kafka's own broker
     * does with every request; called on the event loop, and from it.
     */
    public void whenFirst(Runnable then) {
        if (connection.isFirst(this)) {
            then.run();
        } else {
            whenFirst = then;
        }
    }

    /** All that was asked before has been answered. */
    void onFirst() {
        Runnable then = whenFirst;
        whenFirst = null;
        if (then == null) {
            return;
        }
        try {
            then.run();
        } catch (RuntimeException e) {
            fail(e);
        }
    }

    /** Whether the connection waits for no other answer; on the event loop only. */
    public boolean isAlone() {
        return connection.isAlone(this);
    }

    /**
     * Calls something when the connection asks for more before this request was answered, or is to
     * be closed as soon as it is: who makes it wait holds up what follows. At most one, set on the
     * event loop; called there.
     */
    public void whenFollowed(Runnable callback) {
        whenFollowed = callback;
    }

    /** Something waits for this request's answer. */
    void onFollowed() {
        Runnable callback = whenFollowed;
        whenFollowed = null;
        if (callback != null && !answered.get()) {
            callback.run();
        }
    }

    /** How the client's software calls itself, such as {@code apache-kafka-java}; empty if not. */
    public String clientSoftware() {
        String name = connection.clientInformation().softwareName();
        return name.equals(ClientInformation.UNKNOWN_NAME_OR_VERSION) ? "" : name;
    }

    /** The client has told what it is. */
    void tellClient(ClientInformation information) {
        connection.tellClient(information);
    }

    /** Fetches of the connection that brought no records, one after the other; event loop only. */
    public int emptyFetchCount() {
        return connection.emptyFetchCount();
    }

    /** Tells whether this fetch brings records; on the event loop only. */
    public void onFetched(boolean isEmpty) {
        connection.onFetched(isEmpty);
    }

    /** Bytes that the response should not exceed by now; on the event loop only. */
    public long responseRoom() {
        return connection.responseRoom();
    }

    /** Tells the handler that its answer is no longer wanted. */
    void abandon() {
        Runnable callback = whenAbandoned;
        whenAbandoned = null;
        if (callback != null && !answered.get()) {
            callback.run();
        }
    }

    /** Answers. */
    public void respond(AbstractResponse answer) {
        respond(answer.data());
    }

    /** Answers with a message of the response type of this API. */
    public void respond(ApiMessage answer) {
        respond(answer, null);
    }

    /**
     * Answers with a message that refers to leased bytes.
     *
     * @param release called once on the event loop, when the last byte was written or none will be;
     *     null if there is nothing to give back
     */
    public void respond(ApiMessage answer, @Nullable Runnable release) {
        if (!answered.compareAndSet(false, true)) {
            if (release != null) {
                release.run();
            }
            throw new IllegalStateException("answered twice: header=" + header);
        }
        completeOnEventLoop(answer, release);
    }

    /** Ends the request without a response, as a Produce with acks=0 asks for. */
    public void respondNothing() {
        if (!answered.compareAndSet(false, true)) {
            throw new IllegalStateException("answered twice: header=" + header);
        }
        completeOnEventLoop(null, null);
    }

    /**
     * Ends the connection instead of answering.
     *
     * @param reason for the log
     */
    public void disconnect(String reason) {
        connection.close(reason);
    }

    private void completeOnEventLoop(@Nullable ApiMessage answer, @Nullable Runnable release) {
        EventExecutor eventLoop = eventLoop();
        if (eventLoop.inEventLoop()) {
            complete(answer, release);
            return;
        }
        try {
            eventLoop.execute(() -> complete(answer, release));
        } catch (RejectedExecutionException e) {
            // The shell was closed meanwhile: nobody waits for the answer, but leases are real.
            if (release != null) {
                release.run();
            }
        }
    }

    /** Answers every part of the request with this error. */
    public void fail(Errors error) {
        fail(error.exception());
    }

    /** Answers every part of the request with the error that the exception stands for. */
    public void fail(@Nullable Throwable cause) {
        Throwable reason = reasonOf(cause);
        connection.metrics().onRequestFailed(api(), reason, header, connection);
        AbstractResponse answer = body.getErrorResponse(reason);
        if (answer == null) {
            respondNothing();
        } else {
            respond(answer.data());
        }
    }

    private static Throwable reasonOf(@Nullable Throwable cause) {
        Errors error = EngineErrors.of(cause);
        // Kafka's own exceptions, and those nobody expected, say more than their code.
        boolean isSaid = cause instanceof ApiException || error == Errors.UNKNOWN_SERVER_ERROR;
        return cause != null && isSaid ? cause : error.exception();
    }

    private void complete(@Nullable ApiMessage answer, @Nullable Runnable release) {
        response = answer;
        whenReleased = release;
        connection.onAnswered(this);
    }

    boolean isAnswered() {
        return answered.get();
    }

    boolean isReady() {
        return ready;
    }

    /** Bytes charged to the connection until the response has left. */
    long heldBytes() {
        return heldBytes;
    }

    @Nullable ApiMessage response() {
        return response;
    }

    boolean isParked() {
        return parked;
    }

    /** The response as it goes out; no parts if there is none. */
    void encoded(List<ByteBuf> encodedParts, int length) {
        parts = encodedParts;
        responseLength = length;
        ready = true;
    }

    /** Hands the response over. */
    List<ByteBuf> takeParts() {
        List<ByteBuf> taken = parts;
        parts = List.of();
        return taken;
    }

    /** Length of the response on the wire, in bytes. */
    int responseLength() {
        return responseLength;
    }

    /** Gives back the response, and what it refers to; once. */
    void release() {
        takeParts().forEach(ByteBuf::release);
        Runnable release = whenReleased;
        whenReleased = null;
        response = null;
        if (release != null) {
            release.run();
        }
    }
}
