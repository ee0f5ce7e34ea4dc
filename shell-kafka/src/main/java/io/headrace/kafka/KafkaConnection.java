package io.headrace.kafka;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelId;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.util.concurrent.EventExecutor;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.network.ClientInformation;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.AbstractRequest;
import org.apache.kafka.common.requests.RequestContext;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.jspecify.annotations.Nullable;

/**
 * One client connection: parses requests, has them handled in the order in which they came, and
 * writes the responses in that order.
 *
 * <p>Belongs to its event loop; only {@link #isClosed} and the accessors may be used elsewhere.
 * Reading stops while more requests or bytes are in flight than allowed, or while the peer does not
 * take what it asked for; that is the back-pressure. A peer that stalls in the middle of a request,
 * or takes nothing of a response, is disconnected.
 */
final class KafkaConnection extends ChannelInboundHandlerAdapter implements FrameDecoder.Sink {
    /** Less than API key, version and correlation id is no request. */
    private static final int FRAME_LENGTH_MIN = 8;

    private final KafkaShellContext context;
    private final Listener listener;
    private final RequestHandlers handlers;
    private final InFlightBudget budget;
    private final ShellMetrics metrics;
    private final FrameDecoder frames = new FrameDecoder(this);
    private final ArrayDeque<KafkaRequest> inFlight = new ArrayDeque<>();
    private final List<Runnable> whenDisconnected = new ArrayList<>(0);

    private @Nullable ChannelHandlerContext channelContext;
    private final HeldBytes held;
    private final StallCheck stallCheck = new StallCheck();
    private long sentResponseCount;
    private int emptyFetchCount;
    private boolean flushNeeded;
    private boolean flushScheduled;
    private boolean reading = true;
    private boolean waitingForBudget;
    private boolean draining;
    private long lastReadNanos = System.nanoTime();
    private volatile boolean closed;
    private volatile ClientInformation clientInformation = ClientInformation.EMPTY;

    KafkaConnection(
            KafkaShellContext context,
            Listener listener,
            RequestHandlers handlers,
            InFlightBudget budget,
            ShellMetrics metrics) {
        this.context = context;
        this.listener = listener;
        this.handlers = handlers;
        this.budget = budget;
        this.metrics = metrics;
        this.held = new HeldBytes(budget, metrics);
    }

    FrameDecoder frames() {
        return frames;
    }

    Listener listener() {
        return listener;
    }

    ShellMetrics metrics() {
        return metrics;
    }

    boolean isClosed() {
        return closed;
    }

    ChannelId id() {
        return channelContext().channel().id();
    }

    EventExecutor eventLoop() {
        return channelContext().executor();
    }

    /** This server as the client is to address it: as advertised, else as the client did. */
    Node broker() {
        InetSocketAddress local = (InetSocketAddress) channelContext().channel().localAddress();
        String host = listener.advertisedHost();
        int port = listener.advertisedPort();
        return new Node(
                context.nodeId(),
                host.isEmpty() ? local.getAddress().getHostAddress() : host,
                port == 0 ? local.getPort() : port);
    }

    RequestContext contextOf(RequestHeader header) {
        Channel channel = channelContext().channel();
        InetSocketAddress peer = peerAddress(channel);
        return new RequestContext(
                header,
                channel.id().asShortText(),
                peer == null ? InetAddress.getLoopbackAddress() : peer.getAddress(),
                peer == null ? Optional.empty() : Optional.of(peer.getPort()),
                KafkaPrincipal.ANONYMOUS,
                ListenerName.normalised(listener.name()),
                SecurityProtocol.PLAINTEXT,
                clientInformation,
                false);
    }

    /** What the client has said it is; empty until it does. */
    ClientInformation clientInformation() {
        return clientInformation;
    }

    void tellClient(ClientInformation information) {
        clientInformation = information;
    }

    private static @Nullable InetSocketAddress peerAddress(Channel channel) {
        return channel.remoteAddress() instanceof InetSocketAddress peer ? peer : null;
    }

    private ChannelHandlerContext channelContext() {
        ChannelHandlerContext current = channelContext;
        if (current == null) {
            throw new IllegalStateException("not connected");
        }
        return current;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        channelContext = ctx;
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        metrics.onConnected();
        scheduleIdleCheck(context.connectionsMaxIdleMs());
        scheduleStallCheck();
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        if (closed) {
            return;
        }
        closed = true;
        metrics.onDisconnected();
        frames.close();
        releaseInFlight();
        held.close();
        whenDisconnected.forEach(Runnable::run);
    }

    void onDisconnected(Runnable callback) {
        whenDisconnected.add(callback);
    }

    private void releaseInFlight() {
        for (KafkaRequest request = inFlight.poll(); request != null; request = inFlight.poll()) {
            request.abandon();
            request.release();
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        ByteBuf received = (ByteBuf) message;
        lastReadNanos = System.nanoTime();
        frames.onRead(received, ctx.alloc());
        if (frames.hasLeftover()) {
            updateReading(); // at once, or Netty would read a dozen times more
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        flush();
        updateReading();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        updateReading();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        metrics.onConnectionFailed(this, cause);
        ctx.close();
    }

    @Override
    public boolean admits(int length) {
        if (length < FRAME_LENGTH_MIN || length > context.socketRequestMaxBytes()) {
            close(
                    "frame length "
                            + length
                            + " is not "
                            + FRAME_LENGTH_MIN
                            + " to "
                            + context.socketRequestMaxBytes());
            return false;
        }
        return true;
    }

    @Override
    public void onReceiving(int length) {
        held.onRequest(length);
    }

    @Override
    public boolean hasPlenty() {
        return budget.hasPlenty();
    }

    @Override
    public boolean isAccepting() {
        return hasRoom() && !budget.isUsedUp();
    }

    /** Whether the connection itself could take another request. */
    private boolean hasRoom() {
        return !closed
                && !draining
                && held.total() < context.bytesInFlightPerConnectionMax()
                && inFlight.size() < context.requestsInFlightPerConnectionMax()
                && channelContext().channel().isWritable();
    }

    @Override
    public void onFrame(ByteBuf frame) {
        try {
            metrics.onBytesIn(frame.readableBytes() + Integer.BYTES);
            onRequest(frame.nioBuffer(), frame.readableBytes());
        } finally {
            frame.release();
        }
    }

    private void onRequest(ByteBuffer frame, int frameLength) {
        RequestHeader header = parseHeader(frame);
        if (header == null) {
            return;
        }
        RequestHandlers.Entry entry = handlers.find(header.apiKey());
        if (entry == null || !entry.takes(header.apiVersion())) {
            refuseVersion(header, frameLength);
            return;
        }
        RequestReader reader = new RequestReader(frame);
        AbstractRequest body = parseBody(header, reader);
        if (body != null) {
            held.onRequest(reader.heapBytes());
            long heldBytes = frameLength + reader.heapBytes();
            handle(entry, new KafkaRequest(this, header, body, heldBytes, System.nanoTime()));
        }
    }

    private @Nullable RequestHeader parseHeader(ByteBuffer frame) {
        try {
            return RequestHeader.parse(frame);
        } catch (RuntimeException e) {
            close(
                    "no request header: apiKey="
                            + frame.getShort(0)
                            + " version="
                            + frame.getShort(2)
                            + " cause="
                            + e.getMessage());
            return null;
        }
    }

    private @Nullable AbstractRequest parseBody(RequestHeader header, RequestReader reader) {
        try {
            return AbstractRequest.parseRequest(header.apiKey(), header.apiVersion(), reader)
                    .request;
        } catch (RuntimeException e) {
            close(
                    "malformed request: api="
                            + header.apiKey()
                            + " version="
                            + header.apiVersion()
                            + " clientId="
                            + header.clientId()
                            + " cause="
                            + e.getMessage());
            return null;
        }
    }

    private void handle(RequestHandlers.Entry entry, KafkaRequest request) {
        releaseLast();
        inFlight.add(request);
        try {
            entry.handler().handle(request);
        } catch (RuntimeException e) {
            if (!request.isAnswered()) {
                request.fail(e);
            } else {
                metrics.onConnectionFailed(this, e);
            }
        }
    }

    /** What comes next is not to wait for an answer that nobody is in a hurry to give. */
    private void releaseLast() {
        KafkaRequest last = inFlight.peekLast();
        if (last != null) {
            last.onFollowed();
        }
    }

    /**
     * An ApiVersions request of a version that we do not know is answered in version 0, so that the
     * client can ask again; of any other API we cannot know what the answer looks like.
     */
    private void refuseVersion(RequestHeader header, int frameLength) {
        if (header.apiKey() != ApiKeys.API_VERSIONS) {
            close(
                    "unsupported request: api="
                            + header.apiKey()
                            + " version="
                            + header.apiVersion()
                            + " clientId="
                            + header.clientId());
            return;
        }
        ApiVersionsResponseData answer =
                new ApiVersionsResponseData()
                        .setErrorCode(Errors.UNSUPPORTED_VERSION.code())
                        .setApiKeys(handlers.apiVersions());
        RequestHeader answerHeader =
                new RequestHeader(
                        ApiKeys.API_VERSIONS, (short) 0, header.clientId(), header.correlationId());
        AbstractRequest body =
                AbstractRequest.parseRequest(
                                ApiKeys.API_VERSIONS,
                                (short) 0,
                                new ByteBufferAccessor(ByteBuffer.allocate(0)))
                        .request;
        KafkaRequest request =
                new KafkaRequest(this, answerHeader, body, frameLength, System.nanoTime());
        inFlight.add(request);
        request.respond(answer);
    }

    /** A request waits for something to happen; false if too many do. */
    boolean park(KafkaRequest request) {
        return held.park(request.heldBytes());
    }

    int emptyFetchCount() {
        return emptyFetchCount;
    }

    void onFetched(boolean isEmpty) {
        emptyFetchCount = isEmpty ? emptyFetchCount + 1 : 0;
    }

    /** Bytes that a response may have without this connection holding more than it may. */
    long responseRoom() {
        return Math.max(0, context.bytesInFlightPerConnectionMax() - held.total());
    }

    /** A request of this connection has its answer: write all that is next in order. */
    void onAnswered(KafkaRequest answered) {
        if (closed) {
            answered.release();
            return;
        }
        held.onAnswered(answered.heldBytes(), answered.isParked());
        if (encode(answered)) {
            writeReady();
        }
    }

    /**
     * Encodes a response at once, whosever turn it is, so that its bytes are counted from now on.
     *
     * @return false if that cannot be; the connection is closed then
     */
    private boolean encode(KafkaRequest request) {
        ApiMessage message = request.response();
        if (message == null) {
            request.encoded(List.of(), 0);
            return true;
        }
        ResponseEncoder encoder = new ResponseEncoder(channelContext().alloc());
        try {
            request.encoded(encoder.encode(request.header(), message), encoder.length());
        } catch (Throwable e) { // also if there is no memory: it is this connection that is to go
            metrics.onConnectionFailed(this, e);
            channelContext().close();
            return false;
        }
        held.onResponse(encoder.length());
        return true;
    }

    private void writeReady() {
        KafkaRequest head = inFlight.peek();
        if (head == null || !head.isReady()) {
            return;
        }
        do {
            write(inFlight.remove());
            head = inFlight.peek();
        } while (head != null && head.isReady());
        scheduleFlush();
        if (head != null) {
            head.onFirst();
        }
    }

    boolean isFirst(KafkaRequest request) {
        return inFlight.peek() == request;
    }

    boolean isAlone(KafkaRequest request) {
        return isFirst(request) && inFlight.size() == 1 && hasRoom();
    }

    private void write(KafkaRequest request) {
        metrics.onRequestDone(request.api(), System.nanoTime() - request.arrivedNanos());
        List<ByteBuf> parts = request.takeParts();
        if (parts.isEmpty()) {
            onWritten(request);
            return;
        }
        ChannelHandlerContext ctx = channelContext();
        metrics.onBytesOut(request.responseLength());
        int last = parts.size() - 1;
        for (int i = 0; i < last; i++) {
            ctx.write(parts.get(i), ctx.voidPromise());
        }
        // The one place where leases end: the promise is kept after the last byte was written, and
        // broken when the connection closes before that.
        ChannelPromise written = ctx.newPromise();
        written.addListener(done -> onWritten(request));
        ctx.write(parts.get(last), written);
        flushNeeded = true;
    }

    private void onWritten(KafkaRequest request) {
        sentResponseCount++;
        request.release();
        held.onDone(request.heldBytes(), request.responseLength());
        updateReading();
    }

    /** One flush for all that becomes ready in this turn of the event loop. */
    private void scheduleFlush() {
        if (!flushScheduled) {
            flushScheduled = true;
            eventLoop().execute(this::flushScheduled);
        }
    }

    private void flushScheduled() {
        flushScheduled = false;
        flush();
    }

    private void flush() {
        if (flushNeeded) {
            flushNeeded = false;
            channelContext().flush();
        }
        closeIfDrained();
    }

    /** Called whenever something may have changed that decides whether to take more requests. */
    private void updateReading() {
        if (frames.hasLeftover() && isAccepting()) {
            frames.resume(channelContext().alloc());
            scheduleFlush();
        }
        // What has begun is received to its end: its buffer is there, and to stop in the middle
        // could mean that everybody waits for bytes that only the end of it gives back.
        boolean wanted = isAccepting() && !frames.hasLeftover() || frames.isInsideFrame();
        if (wanted != reading && !closed) {
            reading = wanted;
            channelContext().channel().config().setAutoRead(wanted);
        }
        if (!wanted) {
            waitForBudget();
        }
    }

    private void waitForBudget() {
        // Whatever the budget says by now: bytes that came back since it was used up woke nobody
        // yet.
        if (hasRoom() && !waitingForBudget) {
            waitingForBudget = true;
            budget.whenAvailable(() -> eventLoop().execute(this::onBudget));
        }
    }

    private void onBudget() {
        waitingForBudget = false;
        if (!closed) {
            updateReading();
        }
    }

    private void scheduleStallCheck() {
        eventLoop().schedule(this::checkStall, context.stallTimeoutMs(), TimeUnit.MILLISECONDS);
    }

    private void checkStall() {
        if (closed) {
            return;
        }
        Channel channel = channelContext().channel();
        if (stallCheck.isArrivingStalled(frames.receivedBytes(), frames.missingBytes())) {
            close("a request does not arrive: missingBytes=" + frames.missingBytes());
        } else if (stallCheck.isLeavingStalled(channel, sentResponseCount)) {
            close("a response is not taken: heldBytes=" + held.total());
        } else {
            scheduleStallCheck();
        }
    }

    private void scheduleIdleCheck(long delayMs) {
        eventLoop().schedule(this::checkIdle, delayMs, TimeUnit.MILLISECONDS);
    }

    private void checkIdle() {
        if (closed) {
            return;
        }
        long idleMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - lastReadNanos);
        if (!inFlight.isEmpty() || held.total() > 0) {
            scheduleIdleCheck(context.connectionsMaxIdleMs()); // it is we who owe something
        } else if (idleMs < context.connectionsMaxIdleMs()) {
            scheduleIdleCheck(context.connectionsMaxIdleMs() - idleMs);
        } else {
            channelContext().close();
        }
    }

    /**
     * Takes no more requests, and closes when the last one in flight was answered. Called by any
     * thread.
     */
    void closeSoon() {
        try {
            eventLoop().execute(this::drain);
        } catch (RejectedExecutionException e) {
            channelContext().close();
        }
    }

    /** Waits for the close, and closes at the deadline whatever is in flight. */
    void awaitClosed(long deadlineNanos) {
        Channel channel = channelContext().channel();
        long nanos = Math.max(0, deadlineNanos - System.nanoTime());
        if (!channel.closeFuture().awaitUninterruptibly(nanos, TimeUnit.NANOSECONDS)) {
            channel.close();
        }
    }

    private void drain() {
        draining = true;
        releaseLast();
        updateReading();
        closeIfDrained();
    }

    private void closeIfDrained() {
        if (draining && inFlight.isEmpty() && held.total() == 0 && !closed) {
            channelContext().close();
        }
    }

    void close(String reason) {
        metrics.onProtocolError(this, reason);
        channelContext().close();
    }

    /** The peer, for log lines. */
    @Override
    public String toString() {
        ChannelHandlerContext ctx = channelContext;
        SocketAddress peer = ctx == null ? null : ctx.channel().remoteAddress();
        return "peer=" + peer + " listener=" + listener.name();
    }
}
